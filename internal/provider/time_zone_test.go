package provider_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

func TestTimeZone(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"": "Asia/Shanghai", "Europe/Berlin": "Europe/Berlin", "UTC": "UTC"} {
		zone, err := provider.Settings{"time_zone": name}.Zone()
		require.NoError(t, err)
		require.Equal(t, want, zone.String())
	}
	for _, name := range []string{"Local", "Shanghai", "+08:00", "../etc/passwd", " Asia/Shanghai"} {
		_, err := provider.Settings{"time_zone": name}.Zone()
		require.EqualError(t, err,
			"time_zone must be a name of the IANA time zone database, such as Asia/Shanghai or Europe/Berlin", name)
	}
}

// A moment is another date in another time zone, and beyond four digits of a year none.
func TestDate(t *testing.T) {
	t.Parallel()
	evening := time.Date(2024, 2, 29, 17, 0, 0, 0, time.UTC)
	for name, want := range map[string]string{"Asia/Shanghai": "2024-03-01", "Europe/Berlin": "2024-02-29"} {
		zone, err := provider.Settings{"time_zone": name}.Zone()
		require.NoError(t, err)
		require.Equal(t, want, *provider.Date(evening, zone))
	}
	require.Nil(t, provider.Date(time.UnixMilli(1<<62), time.UTC))
	require.Nil(t, provider.Date(time.Unix(-1<<40, 0), time.UTC))
}
