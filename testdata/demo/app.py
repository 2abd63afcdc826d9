"""A small web service that says which version of it is answering."""

import os

from flask import Flask, jsonify

VERSION = "1"

app = Flask(__name__)


@app.get("/")
def hello():
    greeting = os.environ.get("GREETING", "hello")
    return f"{greeting} from version {VERSION}\n"


@app.get("/health")
def health():
    return jsonify(status="ok", version=VERSION)
