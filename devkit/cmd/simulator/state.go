package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// The state file holds, for each vendor in turn, its name and its company.

// openState returns the companies of a state file. Where there is none yet, or no
// path, they are generated, and saved if there is a path.
func openState(path string, specs map[string]simulator.Spec) (map[string]*simulator.Company, error) {
	if path != "" {
		companies, err := loadState(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return companies, err
		}
	}
	companies := map[string]*simulator.Company{}
	for vendor, spec := range specs {
		companies[vendor] = simulator.Generate(spec)
	}
	return companies, saveState(path, companies)
}

func loadState(path string) (map[string]*simulator.Company, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	defer file.Close()
	dec := json.NewDecoder(bufio.NewReader(file))
	companies := map[string]*simulator.Company{}
	for _, vendor := range vendors {
		var name string
		if err := dec.Decode(&name); err != nil || name != vendor {
			return nil, fmt.Errorf("state file %s holds no company for %s; remove it to begin anew", path, vendor)
		}
		company, err := simulator.Load(dec)
		if err != nil {
			return nil, fmt.Errorf("state file %s: %w", path, err)
		}
		companies[vendor] = company
	}
	return companies, nil
}

// saveState replaces the file in one step, so that a crash leaves the old or the
// new one. Without a path it does nothing.
func saveState(path string, companies map[string]*simulator.Company) error {
	if path == "" {
		return nil
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	defer os.Remove(file.Name()) // does nothing once it was renamed
	if err := errors.Join(writeState(file, companies), file.Close()); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	return nil
}

func writeState(file *os.File, companies map[string]*simulator.Company) error {
	out := bufio.NewWriter(file)
	enc := json.NewEncoder(out)
	for _, vendor := range vendors {
		if err := enc.Encode(vendor); err != nil {
			return err
		}
		if err := companies[vendor].Save(enc); err != nil {
			return err
		}
	}
	return out.Flush()
}
