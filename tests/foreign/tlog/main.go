// Verifies the directory of a log with what others wrote: note and tree of golang.org/x/mod, and all
// of it with Tessera's fsck. Usage: tlog DIRECTORY ORIGIN VKEY
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	deadline = 2 * time.Minute
	records  = 200 // how many are proved, evenly spread
	// With one worker fsck waits for ever after its first error.
	workers = 64
)

func main() {
	if err := verify(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Println("bad:", err)
		os.Exit(1)
	}
}

func verify(directory, origin, vkey string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(directory, origin, verifier)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := proveRecords(directory, tree); err != nil {
		return fmt.Errorf("records: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	files := &client.FileFetcher{Root: directory}
	if err := fsck.New(origin, verifier, files, hashBundle, fsck.Opts{N: workers}).Check(ctx); err != nil {
		return fmt.Errorf("fsck: %w", err)
	}
	fmt.Println("good:", tree.N)
	return nil
}

func openCheckpoint(directory, origin string, verifier note.Verifier) (tlog.Tree, error) {
	data, err := os.ReadFile(filepath.Join(directory, layout.CheckpointPath))
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	var found, root string
	var size int64
	if _, err := fmt.Sscanf(opened.Text, "%s\n%d\n%s\n", &found, &size, &root); err != nil {
		return tlog.Tree{}, err
	}
	if found != origin {
		return tlog.Tree{}, fmt.Errorf("origin %q", found)
	}
	hash, err := tlog.ParseHash(root)
	return tlog.Tree{N: size, Hash: hash}, err
}

func proveRecords(directory string, tree tlog.Tree) error {
	hashes := tlog.TileHashReader(tree, tiles(directory))
	for number := int64(0); number < records; number++ {
		index := number * (tree.N - 1) / (records - 1)
		entry, err := readEntry(directory, tree.N, index)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(tree.N, index, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
			return fmt.Errorf("record %d: %w", index, err)
		}
	}
	return nil
}

func readEntry(directory string, size, index int64) ([]byte, error) {
	number := uint64(index) / layout.EntryBundleWidth
	partial := layout.PartialTileSize(0, number, uint64(size))
	data, err := os.ReadFile(filepath.Join(directory, layout.EntriesPath(number, partial)))
	if err != nil {
		return nil, err
	}
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(data); err != nil {
		return nil, err
	}
	return bundle.Entries[uint64(index)%layout.EntryBundleWidth], nil
}

func hashBundle(data []byte) ([][]byte, error) {
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(data); err != nil {
		return nil, err
	}
	hashes := make([][]byte, 0, len(bundle.Entries))
	for _, entry := range bundle.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}

// tiles reads a C2SP directory for x/mod, whose own paths have the height in them.
type tiles string

func (tiles) Height() int { return layout.TileHeight }

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (directory tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, 0, len(wanted))
	for _, tile := range wanted {
		partial := uint8(tile.W % (1 << layout.TileHeight))
		path := layout.TilePath(uint64(tile.L), uint64(tile.N), partial)
		data, err := os.ReadFile(filepath.Join(string(directory), path))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}
