# A host without carrier serves, and the fitter one misses a write
seed 1
images 2
calm 30000
fault 15000.000000 clients-cut n1 seed 13
fault 15400.000000 write-missed n1 seed 1
