package main

import (
	"fmt"
	"math"
	"strings"
)

// The chart's size and margins in pixels.
const (
	chartWidth, chartHeight = 720, 420
	left, right             = 70, 20
	top, bottom             = 60, 60
)

// chart draws the seconds of each round over the members, both on logarithmic
// scales: a straight line of slope one is linear growth. It is an SVG document.
func (r *report) chart() string {
	var b strings.Builder
	fmt.Fprintf(
		&b,
		`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`,
		chartWidth,
		chartHeight,
	)
	fmt.Fprintf(
		&b,
		`<rect width="100%%" height="100%%" fill="white"/><text x="%d" y="22" font-size="16">Seconds of a whole run by members (%s, quotas off)</text>`,
		left,
		r.Vendor,
	)
	fmt.Fprintf(&b, `<text x="%d" y="42" fill="#555">%s</text>`, left, r.Where())
	x, y := r.scales()
	for members := 1000; members <= large; members *= 10 {
		fmt.Fprintf(
			&b,
			`<line x1="%.0f" x2="%.0f" y1="%d" y2="%d" stroke="#ddd"/><text x="%.0f" y="%d" text-anchor="middle">%d</text>`,
			x(members),
			x(members),
			top,
			chartHeight-bottom,
			x(members),
			chartHeight-bottom+18,
			members,
		)
	}
	for seconds := 1.0; seconds <= 1000; seconds *= 10 {
		fmt.Fprintf(
			&b,
			`<line x1="%d" x2="%d" y1="%.0f" y2="%.0f" stroke="#ddd"/><text x="%d" y="%.0f" text-anchor="end">%.0f s</text>`,
			left,
			chartWidth-right,
			y(seconds),
			y(seconds),
			left-8,
			y(seconds)+4,
			seconds,
		)
	}
	for i, line := range []struct{ round, colour string }{{firstLoad, "#1f6feb"}, {unchanged, "#2da44e"},
		{changed, "#bf8700"}} {
		var points []string
		for _, same := range r.sizes() {
			seconds := figures(same, func(m measurement) float64 { return m.round(line.round).Seconds }).middle()
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(same[0].Members), y(seconds)))
			fmt.Fprintf(
				&b,
				`<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`,
				x(same[0].Members),
				y(seconds),
				line.colour,
			)
		}
		fmt.Fprintf(
			&b,
			`<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`,
			strings.Join(points, " "),
			line.colour,
		)
		fmt.Fprintf(
			&b,
			`<text x="%d" y="%d" fill="%s">%s</text>`,
			left+20+i*150,
			chartHeight-14,
			line.colour,
			line.round,
		)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// scales place members and seconds: 1,000 to a million, 1 to 1,000 s.
func (r *report) scales() (x func(int) float64, y func(float64) float64) {
	x = func(members int) float64 {
		return left + (math.Log10(float64(members))-3)/3*(chartWidth-left-right)
	}
	y = func(seconds float64) float64 {
		return chartHeight - bottom - math.Log10(max(1, seconds))/3*(chartHeight-top-bottom)
	}
	return x, y
}
