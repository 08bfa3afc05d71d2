# n1 is cut off, nobody can fence, so it holds. While its agent is away, the network heals: the next
# agent finds a frozen QEMU and a peer that is well, and has to end the hold that it never began.
seed 1
fence-mode 1
calm 40000
fault 20000 cut n1 ms 4000
fault 23000 agent-crash n1 ms 3000
