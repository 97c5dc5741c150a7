// Package browser tests the console in Chromium, on a development stack without data, and takes
// its pictures for the handbook. "make browser" and "make screenshots" start such a stack.
package browser
