def hello(whom):
    return f"hello {whom}"
