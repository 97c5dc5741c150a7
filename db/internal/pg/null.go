package pg

// OrZero returns what p points to, and the zero value for SQL's null.
func OrZero[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// NullIfEmpty returns a text for SQL, where an empty one is null.
func NullIfEmpty(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Int32 returns a number for SQL, where nil is null.
func Int32(n *int) *int32 {
	if n == nil {
		return nil
	}
	v := int32(*n)
	return &v
}

// NonNil returns a list for SQL, where nil is an empty one.
func NonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
