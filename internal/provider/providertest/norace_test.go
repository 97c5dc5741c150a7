//go:build !race

package providertest

const underRaceDetector = false
