# From seed 1738: breaks R5: n1 serves with generation 1, n2's disk has 2
seed 1738
noise 100
fence-reboots 0
echo 100
deaf-guest 1000
images 6
calm 19589
fault 944.478460 starts-fail n2 seed 3627452026970874836
fault 5573.595675 host-freeze n2 seed 4364722657542477812
fault 19588.694707 agent-crash n1 seed 1838304565097191146
