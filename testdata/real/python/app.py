import os
import sys

import greeting

print(greeting.hello(sys.argv[1]), sys.prefix, os.getuid(), os.getcwd())
