# The checks and the rest of the user's targets; included by the Makefile.
