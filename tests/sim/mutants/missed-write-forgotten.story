# The secondary's agent stands still, so nobody can be told of the write; then the one that knows dies.
seed 1
images 2
calm 30000
fault 15000 agent-stall n2 ms 3000
fault 15600 write-missed n1
fault 15650 agent-crash n1 ms 500
