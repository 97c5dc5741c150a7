package stack

import (
	"errors"
	"os"
	"path/filepath"
)

// Root finds the checkout: the directory above the working directory, else above the running program, that holds
// tools/go.mod.
func Root() (string, error) {
	here, _ := os.Getwd()
	program, _ := os.Executable()
	for _, dir := range []string{here, filepath.Dir(program)} {
		for ; filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "tools", "go.mod")); err == nil {
				return dir, nil
			}
		}
	}
	return "", errors.New("find the checkout: no directory above this one holds tools/go.mod")
}

// cacheDir makes a directory for what takes long to get, outside the checkout and shared by all checkouts of this user.
func cacheDir(name string) (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "orgsync", name)
	return dir, os.MkdirAll(dir, 0o755)
}
