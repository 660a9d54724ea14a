"""Hook of MkDocs: links to files outside of docs/ lead to the repository."""

import posixpath
import re

REPOSITORY = "https://github.com/auditsidecar/auditsidecar/blob/main/"
LINK = re.compile(r"\]\((\.\./[^)\s]*)\)")
ANCHOR = re.compile(r'<a id="([^"]+)"></a>')


def on_page_markdown(markdown, page, **_):
    """Rewrite relative links that leave docs/."""

    def rewrite(match):
        target, hash_, anchor = match.group(1).partition("#")
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page.file.src_uri), target))
        if path == "docs" or path.startswith("docs/"):
            return match.group(0)
        return f"]({REPOSITORY}{path}{hash_}{anchor})"

    return LINK.sub(rewrite, markdown)
