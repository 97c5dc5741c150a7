package browser

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// pictureWidth and pictureHeight are how large pictures are.
const pictureWidth, pictureHeight = 1120, 720

// settled replaces what differs between two runs of the tests: ids, times, ports, cursors, calls, who runs them,
// and the order in which a run wrote its changes.
const settled = `(() => {
	for (const t of document.querySelectorAll("time")) t.textContent = t.hasAttribute("data-full") ?
		(document.documentElement.lang === "en" ? "Nov 30, 2026, 9:30 AM" : "2026年11月30日 09:30") :
		(document.documentElement.lang === "en" ? "5 minutes ago" : "5 分钟前");
	const plain = text => text
		.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "6f2c1e0a-3b7d-4a51-9c8e-2d4f6a8b0c1e")
		.replace(/\b[0-9a-f]{8}\b/g, "6f2c1e0a").replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:8080")
		.replace(/\b[\w.=-]+@[\w-]+(?![\w.-]*\.[a-z])/g, "ann@office")
		.replace(/(?<!Every )\b\d+ (minute|second|hour)s?\b/g, "2 $1s")
		.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z?/g, "2026-11-30T09:30:00Z")
		.replace(/\bN[A-Za-z0-9]{20,}\b/g, "Ny45MjIzMzcyMDM2ODU0Nzc1ODA3"); // a cursor of the feed
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) if (!texts.currentNode.parentElement.closest("time"))
		texts.currentNode.data = plain(texts.currentNode.data);
	for (const term of document.querySelectorAll("main dt")) if (term.innerText === "Provider calls")
		term.nextElementSibling.textContent = "38";
	if (location.pathname.startsWith("/runs/")) for (const body of document.querySelectorAll("main tbody"))
		body.append(...[...body.rows].sort((a, b) => a.innerText < b.innerText ? -1 : 1)); // written as it came
	window.typed = [...document.querySelectorAll("input[id]")].map(input => [input, input.value]);
	for (const [input, value] of window.typed) input.value = plain(value);
	document.activeElement.blur();
	scrollTo(0, 0);
	return true;
})()`

// unsettled gives fields back what was typed into them.
const unsettled = `(() => { for (const [input, value] of window.typed) input.value = value; return true; })()`

// photograph keeps a picture of the page, if pictures are asked for.
func (p *person) photograph(name string) {
	p.t.Helper()
	if *pictures == "" {
		return
	}
	var picture []byte
	p.do(chromedp.EmulateViewport(pictureWidth, pictureHeight), chromedp.Evaluate(settled, nil),
		chromedp.CaptureScreenshot(&picture), chromedp.Evaluate(unsettled, nil), chromedp.EmulateViewport(wide, 900))
	path := filepath.Join(*pictures, "console-"+name+".png")
	require.NoError(p.t, os.WriteFile(path, smaller(p.t, picture), 0o644))
}

// maxPictures is how many bytes the handbook's pictures may have together.
const maxPictures = 1_500_000

// Pictures of the Temporal Web UI, which "make screenshots" takes before the console's, are made small here.
func TestPicturesAreSmall(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(checkout, "docs", "images", "*.png"))
	require.NoError(t, err)
	require.Greater(t, len(files), 30)
	total := 0
	for _, file := range files {
		picture, err := os.ReadFile(file)
		require.NoError(t, err)
		if *pictures != "" {
			picture = smaller(t, picture)
			require.NoError(t, os.WriteFile(file, picture, 0o644))
		}
		total += len(picture)
	}
	require.Less(t, total, maxPictures)
}

// smaller is a picture with the 255 colours that it has most of. A page has few, so nothing is lost that
// people see, and the file is a third.
func smaller(t *testing.T, picture []byte) []byte {
	t.Helper()
	from, err := png.Decode(bytes.NewReader(picture))
	require.NoError(t, err)
	counts := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(from.At(x, y)).(color.RGBA) }
	for y := range from.Bounds().Dy() {
		for x := range from.Bounds().Dx() {
			counts[at(x, y)]++
		}
	}
	colours := make([]color.RGBA, 0, len(counts))
	for one := range counts {
		colours = append(colours, one)
	}
	value := func(c color.RGBA) int { return int(c.R)<<16 | int(c.G)<<8 | int(c.B) }
	slices.SortFunc(colours, func(a, b color.RGBA) int {
		return cmp.Or(counts[b]-counts[a], value(a)-value(b))
	})
	palette := color.Palette{}
	for _, one := range colours[:min(len(colours), 255)] {
		palette = append(palette, one)
	}
	index := map[color.RGBA]uint8{}
	for _, one := range colours {
		index[one] = uint8(palette.Index(one))
	}
	to := image.NewPaletted(from.Bounds(), palette)
	for y := range from.Bounds().Dy() {
		for x := range from.Bounds().Dx() {
			to.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	var out bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to))
	return out.Bytes()
}
