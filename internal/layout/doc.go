// Package layout holds no code but the test that keeps every package to the imports it is allowed.
package layout
