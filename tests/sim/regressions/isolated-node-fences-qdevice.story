# The same with two nodes and a quorum device, and a cut that is one way: the side without the vote
# had the side with it fenced.
seed 1
nodes 2
quorum 1
token 220
fence 400
single 1
calm 90000
fault 48224.973 cut-oneway n1 ms 28000
