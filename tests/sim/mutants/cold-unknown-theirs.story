# From seed 3552: breaks R5: n1 serves with generation 5, n2's disk has 5
seed 3552
quorum 1
patience 40000
deaf-guest 100
calm 59464
fault 39348.468959 qemu-kill n2 seed 15538575380099899386
fault 56003.666900 disk n2 seed 126966901099201198
fault 57455.979729 qemu-kill n1 seed 5543697607487400382
fault 59463.412903 qemu-kill n2 seed 14922810058422803973
