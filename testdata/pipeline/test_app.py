import app


def test_says_its_version(monkeypatch):
    monkeypatch.setenv("GREETING", "good day")
    assert app.greeting() == f"good day from version {app.VERSION}\n"


def test_greets_anyway(monkeypatch):
    monkeypatch.delenv("GREETING", raising=False)
    assert app.greeting().startswith("hello ")
