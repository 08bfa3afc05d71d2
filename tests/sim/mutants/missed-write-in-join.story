# A write is missed when the disks are in sync already and the pair is not yet recorded.
seed 566
nodes 3
quorum 2
fill 2072
fence-reboots 0
echo 100
patience 10000
deaf-guest 1000
fence 332
drift 200
calm 23061
fault 15567.748841 host-off n1 seed 11933423238987659890
fault 23060.436746 write-missed n2 seed 4081950253412853395
