"""Reading a page as a browser would: its tags, its links, its text."""

from html.parser import HTMLParser
from typing import Final, Self

_EMPTY: Final = {"meta", "line", "circle", "polyline", "link", "br"}


class Page(HTMLParser):
    """The structure of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        """Each tag with the names of its attributes, in order."""
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []

    @classmethod
    def of(cls, text: str) -> Self:
        """The structure of `text`."""
        found = cls()
        found.feed(text)
        found.close()
        return found

    @property
    def text(self) -> str:
        """What can be read on it."""
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what it is."""
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        has = dict(attrs)
        if has.get("id"):
            self.ids.append(str(has["id"]))
        if "href" in has:
            self.links.append(str(has["href"]))
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Each tag ends where it has to."""
        if tag in _EMPTY:
            return
        last = self._open.pop()
        assert last == tag, f"{tag} ends where {last} is open"

    def handle_data(self, data: str) -> None:
        """Keep what is no style."""
        if "style" not in self._open:
            self.words.append(data)
