"""Pages with one thing wrong in each, as a careless vendor may write them, and what the check says about it."""

from __future__ import annotations


def page(body: str, html: str = '<html lang="en">', title: str = "<title>T</title>", head: str = "") -> str:
    """A page that is fine but for what it is given."""
    start = f'<!doctype html>{html}<head>{title}<meta name="viewport" content="width=device-width">{head}</head>'
    return f"{start}<body><main><h1>A</h1>{body}</main></body></html>"


#: What the check sees: a page, and its sentence.
SEEN: dict[str, tuple[str, str]] = {
    "missing label": (page('<form><input name="a"></form>'), "The text input “a” has no label."),
    "label without words": (
        page('<form><label for="a"></label><input id="a" name="a"></form>'),
        "The text input “a” has no label.",
    ),
    "wrapping label without words": (
        page('<form><label><input name="a"></label></form>'),
        "The text input “a” has no label.",
    ),
    "aria-label empty": (page('<form><input name="a" aria-label=" "></form>'), "The text input “a” has no label."),
    "aria-labelledby nowhere": (
        page('<form><input name="a" aria-labelledby="zz"></form>'),
        "The text input “a” has no label.",
    ),
    "select no label": (
        page('<form><select name="a"><option>1</option></select></form>'),
        "The select input “a” has no label.",
    ),
    "textarea no label": (page('<form><textarea name="a"></textarea></form>'), "The textarea input “a” has no label."),
    "heading order": (page("<h2>B</h2><h4>C</h4>"), "A heading of level 4 follows one of level 2."),
    "empty heading": (page("<h2></h2>"), "A heading of level 2 has no words."),
    "two h1": (page("<h1>B</h1>"), "The page has 2 headings of the first level instead of one."),
    "duplicate id": (page('<p id="a">a</p><p id="a">b</p>'), "Two elements have the id “a”."),
    "duplicate id aria": (
        page('<p id="a">a</p><p id="a">b</p><input aria-labelledby="a">'),
        "Two elements have the id “a”.",
    ),
    "empty button": (page('<button type="button"></button>'), "A button has no words."),
    "icon button": (page('<button type="button"><svg aria-hidden="true"></svg></button>'), "A button has no words."),
    "button hidden words": (
        page('<button type="button"><span aria-hidden="true">x</span></button>'),
        "A button has no words.",
    ),
    "input button empty": (page('<form><input type="button"></form>'), "A button has no words."),
    "input image no alt": (page('<form><input type="image" src="/x.png"></form>'), "A button has no words."),
    "empty link": (page('<a href="/x"></a>'), "A link has no words."),
    "link only picture without words": (page('<a href="/x"><img src="/x.png" alt=""></a>'), "A link has no words."),
    "link svg": (page('<a href="/x"><svg aria-hidden="true"></svg></a>'), "A link has no words."),
    "aria-label empty link": (page('<a href="/x" aria-label=""></a>'), "A link has no words."),
    "img no alt": (page('<img src="/x.png">'), "The picture /x.png has no text in its place."),
    "svg role img no name": (
        page('<svg role="img"><path d="M0 0"/></svg>'),
        'The drawing <svg role="img"> has no text in its place.',
    ),
    "table without headers": (
        page("<table><tr><td>a</td><td>b</td></tr><tr><td>1</td><td>2</td></tr></table>"),
        "A table has no headers.",
    ),
    "th scope wrong": (
        page('<table><tr><th scope="colum">a</th></tr><tr><td>1</td></tr></table>'),
        "<th>: scope must be col or row, not “colum”.",
    ),
    "td headers nowhere": (
        page('<table><tr><th id="q">a</th></tr><tr><td headers="zz">1</td></tr></table>'),
        "<td>: headers names “zz”, which is not there.",
    ),
    "no lang": (page("<p>a</p>", html="<html>"), "The page doesn't say its language."),
    "wrong lang": (
        page("<p>a</p>", html='<html lang="english">'),
        "The page says that its language is “english”, which is none.",
    ),
    "wrong lang inside": (page('<p lang="klingonish-xx">a</p>'), "<p>: “klingonish-xx” is no language."),
    "no title": (page("<p>a</p>", title=""), "The page has no title."),
    "empty title": (page("<p>a</p>", title="<title> </title>"), "The page has no title."),
    "tabindex 5": (
        page('<a href="/x" tabindex="5">a</a>'),
        '<a href="/x"> has tabindex 5, so a keyboard jumps to it out of turn.',
    ),
    "no zoom": (
        page("<p>a</p>", head='<meta name="viewport" content="user-scalable=no, maximum-scale=1">'),
        "The page can't be made larger.",
    ),
    "refresh": (page("<p>a</p>", head='<meta http-equiv="refresh" content="20">'), "The page goes away by itself."),
    "iframe no title": (page('<iframe src="/x"></iframe>'), "What <iframe> shows has no title."),
    "list wrong child": (page("<ul><p>a</p></ul>"), "<p> stands right in <ul>, where only li may."),
    "li alone": (page("<div><li>a</li></div>"), "<li> stands outside of a list."),
    "dl wrong child": (page("<dl><p>a</p></dl>"), "<p> stands right in <dl>, where only dd and div and dt may."),
    "dt alone": (page("<div><dt>a</dt></div>"), "<dt> stands outside of a list."),
    "unknown role": (page('<div role="buton">a</div>'), '<div role="buton">: there is no role “buton”.'),
    "unknown aria": (page('<p aria-lable="x">a</p>'), "<p>: there is no attribute aria-lable."),
    "aria value": (
        page('<p><button aria-expanded="yes">a</button></p>'),
        "<button>: aria-expanded must be true or false, not “yes”.",
    ),
    "aria-hidden focus": (
        page('<div aria-hidden="true"><a href="/x">a</a></div>'),
        "<div> is hidden from screen readers, and a keyboard comes to something in it.",
    ),
    "aria-hidden body": (
        page("<p>a</p>").replace("<body>", '<body aria-hidden="true">'),
        "<body> is hidden from screen readers, and a keyboard comes to something in it.",
    ),
    "nested interactive": (
        page('<button type="button">a <a href="/x">b</a></button>'),
        '<a href="/x"> stands inside of another link or button.',
    ),
    "blink": (page("<marquee>a</marquee>"), "<marquee> moves and can't be stopped."),
    "label for nowhere": (page('<form><label for="zz">A</label></form>'), "A label is for “zz”, which is not there."),
    "summary empty": (page("<details><summary></summary>a</details>"), "A summary has no words."),
    "object no name": (page('<object data="/x.pdf"></object>'), "What <object> shows has no title."),
    "no main": (page("<p>a</p>").replace("<main>", "<div>").replace("</main>", "</div>"), "The page has no main part."),
    "role button no name": (page('<div role="button" tabindex="0"></div>'), "A button has no words."),
    "role checkbox no state": (
        page('<div role="checkbox" tabindex="0">a</div>'),
        '<div role="checkbox"> must say aria-checked.',
    ),
}
#: What only a browser or a person sees; the reference page on testing tells of it.
UNSEEN: dict[str, str] = {
    "contrast": page('<p class="x">pale</p>', head="<style>.x{color:#ccc;background:#fff}</style>"),
    "table empty th": page("<table><tr><th></th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"),
    "link in link text": page(
        '<p>some text <a href="/x" class="y">b</a> more</p>',
        head="<style>.y{color:#000;text-decoration:none} p{color:#111}</style>",
    ),
    "autocomplete wrong": page('<form><label for="a">A</label><input id="a" name="a" autocomplete="banana"></form>'),
    "meaningless role table div": page('<div role="row"><div role="cell">a</div></div>'),
    "accesskey twice": page('<a href="/x" accesskey="a">a</a><a href="/y" accesskey="a">b</a>'),
}
