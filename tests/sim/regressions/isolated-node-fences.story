# A node that is cut off still believes itself quorate for a moment, for the verdict on quorum comes
# after the loss of the others. It had the healthy majority fenced, and then nobody served for as
# long as the cut lasted (R10). Since then the daemon counts itself without quorum from the loss of a
# node until the verdict on the new ring has come. Found by single-fault histories, with 3 nodes.
seed 1
nodes 3
quorum 2
token 2200
fence 700
single 1
calm 90000
fault 44289.508 cut n1 ms 20000
