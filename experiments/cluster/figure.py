"""Charts as SVG: panels above one another over one axis. Lines, with marks where something happened, or bars."""
import math
from xml.sax.saxutils import escape

# Okabe and Ito, "Color universal design", 2008: colours that can be told apart with any kind of colour vision.
PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#787878", "#e69f00"]
WIDTH, LEFT, RIGHT, HEIGHT, GAP, TOP = 760, 74, 130, 200, 34, 40


def ticks(low, high, count=5):
    """Round numbers from low to high."""
    if high <= low:
        high = low + 1
    raw = (high - low) / count
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(step * i, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def short(v):
    if abs(v) >= 1e6:
        return "%gM" % (v / 1e6)
    if abs(v) >= 1e4:
        return "%gk" % (v / 1e3)
    return "%.6g" % v


def spread(places, least):
    """Moves labels of one axis apart so that each has room, in their order."""
    out = []
    for p in places:
        out.append(p if not out else max(p, out[-1] + least))
    return out


def head(title, height):
    return ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="12" role="img">' % (WIDTH, height, WIDTH, height),
            "<title>%s</title>" % escape(title), '<rect width="100%" height="100%" fill="white"/>',
            '<text x="%d" y="20" font-size="14" font-weight="bold">%s</text>' % (LEFT, escape(title))]


def scale(label, top, inner, low, high, at_y):
    """The label of a panel, and lines across it."""
    out = ['<text x="%d" y="%d" fill="#444">%s</text>' % (LEFT, top - 6, escape(label))]
    for v in ticks(low, high):
        out.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>' % (LEFT, LEFT + inner, at_y(v), at_y(v)))
        out.append('<text x="%d" y="%.1f" text-anchor="end" fill="#444">%s</text>' % (LEFT - 6, at_y(v) + 4, short(v)))
    return out


def bars(title, groups, panels):
    """groups: names, in which a comma breaks the line; panels: (label, [(name, [y of each group])])."""
    lines = [g.split(", ") for g in groups]
    bottom = TOP + len(panels) * (HEIGHT + GAP) - GAP
    inner = WIDTH - LEFT - RIGHT
    out = head(title, bottom + 14 * max(map(len, lines)) + 16)
    wide = inner / len(groups)
    for i, (label, series) in enumerate(panels):
        top = TOP + i * (HEIGHT + GAP)
        high = max(y for _, ys in series for y in ys) * 1.05
        at_y = lambda y: top + HEIGHT - HEIGHT * y / high
        out += scale(label, top, inner, 0, high, at_y)
        bar = wide * 0.75 / len(series)
        for n, (name, ys) in enumerate(series):
            ink = PALETTE[n % len(PALETTE)]
            for g, y in enumerate(ys):
                out.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>' % (LEFT + wide * (g + 0.125) + bar * n, at_y(y), bar - 1, top + HEIGHT - at_y(y), ink))
            out.append('<rect x="%d" y="%d" width="10" height="10" fill="%s"/>' % (LEFT + inner + 14, top + 18 * n, ink))
            out.append('<text x="%d" y="%d" fill="%s">%s</text>' % (LEFT + inner + 30, top + 18 * n + 9, ink, escape(name)))
        out.append('<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="#444"/>' % (LEFT, LEFT + inner, top + HEIGHT, top + HEIGHT))
    for g, parts in enumerate(lines):
        for n, part in enumerate(parts):
            out.append('<text x="%.1f" y="%d" text-anchor="middle" fill="#444">%s</text>' % (LEFT + wide * (g + 0.5), bottom + 17 + 14 * n, escape(part)))
    out.append("</svg>")
    return "\n".join(out) + "\n"


def chart(title, x_label, panels, marks=(), x_ticks=None):
    """panels: (label, [(name, [(x, y)])], options), options being low, high, dots, step; marks: (x, text)."""
    marks = sorted(marks)
    legend = 0
    if marks:
        legend = 16 * ((len(marks) + 1) // 2) + 14
    total = TOP + len(panels) * (HEIGHT + GAP) + 24 + legend
    xs = [x for _, lines, _ in panels for _, points in lines for x, _ in points] + [x for x, _ in marks]
    x_low, x_high = (min(xs), max(xs)) if x_ticks else (0, max(xs))
    inner = WIDTH - LEFT - RIGHT
    if x_ticks:  # room at both ends
        pad = (x_high - x_low) * 0.05
        x_low, x_high = x_low - pad, x_high + pad
    at_x = lambda x: LEFT + inner * (x - x_low) / (x_high - x_low)
    out = head(title, total)
    for i, (label, lines, options) in enumerate(panels):
        top = TOP + i * (HEIGHT + GAP)
        ys = [y for _, points in lines for _, y in points]
        low, high = options.get("low", min(ys)), options.get("high", max(ys) * 1.05 if max(ys) > 0 else 1)
        at_y = lambda y: top + HEIGHT - HEIGHT * (min(max(y, low), high) - low) / (high - low)
        out += scale(label, top, inner, low, high, at_y)
        for v in x_ticks or ticks(x_low, x_high, 8):
            out.append('<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#999"/>' % (at_x(v), at_x(v), top + HEIGHT, top + HEIGHT + 4))
            if i == len(panels) - 1:
                out.append('<text x="%.1f" y="%d" text-anchor="middle" fill="#444">%s</text>' % (at_x(v), top + HEIGHT + 17, short(v)))
        for n, (x, _) in enumerate(marks):
            out.append('<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#b00" stroke-dasharray="3 3" stroke-width="0.8"/>' % (at_x(x), at_x(x), top, top + HEIGHT))
        if i == 0:
            for n, place in enumerate(spread([at_x(x) for x, _ in marks], 13)):
                out.append('<text x="%.1f" y="%d" text-anchor="middle" font-size="10" fill="#b00">%d</text>' % (place, top + 10, n + 1))
        named = []
        for n, (name, points) in enumerate(lines):
            ink = PALETTE[n % len(PALETTE)]
            path, before = [], None
            for x, y in points:
                if options.get("step") and before is not None:
                    path.append("%.1f,%.1f" % (at_x(x), at_y(before)))
                path.append("%.1f,%.1f" % (at_x(x), at_y(y)))
                before = y
            dash = ' stroke-dasharray="6 4"' if name.startswith("ideal") else ""
            out.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="1.6"%s/>' % (" ".join(path), ink, dash))
            if options.get("dots"):
                out += ['<circle cx="%.1f" cy="%.1f" r="3.2" fill="%s"/>' % (at_x(x), at_y(y), ink) for x, y in points]
            if name:
                named.append((at_y(points[-1][1]), name, ink))
        named.sort()
        for place, (_, name, ink) in zip(spread([p for p, _, _ in named], 14), named):
            out.append('<text x="%d" y="%.1f" fill="%s">%s</text>' % (LEFT + inner + 8, place + 4, ink, escape(name)))
        out.append('<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="#444"/>' % (LEFT, LEFT + inner, top + HEIGHT, top + HEIGHT))
    bottom = TOP + len(panels) * (HEIGHT + GAP)
    out.append('<text x="%d" y="%d" text-anchor="middle" fill="#444">%s</text>' % (LEFT + inner // 2, bottom + 6, escape(x_label)))
    for n, (x, text) in enumerate(marks):
        half = (len(marks) + 1) // 2
        out.append('<text x="%d" y="%d" font-size="11" fill="#b00">%d  %.0f s: %s</text>' % (LEFT + (n // half) * (WIDTH - LEFT) // 2, bottom + 30 + 16 * (n % half), n + 1, x, escape(text)))
    out.append("</svg>")
    return "\n".join(out) + "\n"
