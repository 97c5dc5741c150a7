package devstack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Root finds the checkout: the directory above the working directory, else above the running program, that holds tools/go.mod.
func Root() (string, error) {
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if program, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(program))
	}
	for _, dir := range starts {
		for {
			if _, err := os.Stat(filepath.Join(dir, "tools", "go.mod")); err == nil {
				return dir, nil
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return "", errors.New("find the checkout: no directory above this one holds tools/go.mod")
}

// cacheDir is where what takes long to get is kept, outside the checkout and shared by all checkouts of this user.
func cacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache directory: %w", err)
	}
	return filepath.Join(dir, "orgsync"), nil
}
