// Verifies a log of Accompany with the Go checksum database's own packages, which share nothing with the service:
// golang.org/x/mod/sumdb/note for signatures, golang.org/x/mod/sumdb/tlog for the tree.
//
//	verify -url http://127.0.0.1:8017/log/events -key <verifier key> [-witness <verifier key>]
//	       [-old <checkpoint> -consistency <base64 lines>] [-proof <tlog-proof> -entry <base64>]
//
// It reads the checkpoint, every tile and every bundle of entries. Exit code 0: all is as it must be; 1: something is not.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

var (
	url         = flag.String("url", "", "where the log is")
	key         = flag.String("key", "", "the log's verifier key")
	witness     = flag.String("witness", "", "a witness's verifier key, whose cosignature must be there")
	old         = flag.String("old", "", "file of an older checkpoint")
	consistency = flag.String("consistency", "", "file of a consistency proof from it, a base64 hash a line")
	proof       = flag.String("proof", "", "file of a C2SP tlog-proof")
	entry       = flag.String("entry", "", "the entry that it is about, in base64")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		os.Exit(1)
	}
}

func run() error {
	log, err := note.NewVerifier(*key)
	if err != nil {
		return err
	}
	verifiers := []note.Verifier{log}
	if *witness != "" {
		cosigner, err := newCosigner(*witness)
		if err != nil {
			return err
		}
		verifiers = append(verifiers, cosigner)
	}
	encoded, err := get("checkpoint")
	if err != nil {
		return err
	}
	tree, err := open(encoded, log, verifiers)
	if err != nil {
		return fmt.Errorf("checkpoint: %v", err)
	}
	if err := checkTree(tree); err != nil {
		return err
	}
	if *old != "" {
		if err := checkConsistency(tree, log); err != nil {
			return fmt.Errorf("consistency: %v", err)
		}
	}
	if *proof != "" {
		if err := checkInclusion(log); err != nil {
			return fmt.Errorf("inclusion: %v", err)
		}
	}
	fmt.Printf("%d entries\n", tree.N)
	return nil
}

// open reads a checkpoint that each of the verifiers has signed.
func open(encoded []byte, log note.Verifier, verifiers []note.Verifier) (tree tlog.Tree, err error) {
	found, err := note.Open(encoded, note.VerifierList(verifiers...))
	if err != nil {
		return tree, err
	}
	if len(found.Sigs) != len(verifiers) {
		return tree, fmt.Errorf("%d of %d signatures", len(found.Sigs), len(verifiers))
	}
	lines := strings.Split(found.Text, "\n")
	if len(lines) != 4 || lines[0] != log.Name() {
		return tree, fmt.Errorf("not this log's checkpoint")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

// checkTree hashes every entry, computes the tree anew and holds root and tiles against it. It does without tlog.TileHashReader, which
// in some versions takes a tile unread where another one holds several of the subtrees that make up the root.
func checkTree(tree tlog.Tree) error {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) (found []tlog.Hash, err error) {
		for _, index := range indexes {
			if index >= int64(len(stored)) {
				return nil, fmt.Errorf("no hash %d", index)
			}
			found = append(found, stored[index])
		}
		return found, nil
	})
	for first := int64(0); first < tree.N; first += 256 {
		width := tree.N - first
		if width > 256 {
			width = 256
		}
		bundle, err := get(path(tlog.Tile{H: height, L: -1, N: first / 256, W: int(width)}))
		if err != nil {
			return err
		}
		for n := int64(0); n < width; n++ {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("bundle %d is short", first/256)
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			hashes, err := tlog.StoredHashes(first+n, bundle[2:end], reader)
			if err != nil {
				return err
			}
			stored = append(stored, hashes...)
			bundle = bundle[end:]
		}
		if len(bundle) != 0 {
			return fmt.Errorf("bundle %d is long", first/256)
		}
	}
	for level, count := 0, tree.N; count > 0; level, count = level+1, count>>height {
		for first := int64(0); first < count; first += 256 {
			tile := tlog.Tile{H: height, L: level, N: first / 256, W: 256}
			if count-first < 256 {
				tile.W = int(count - first)
			}
			data, err := get(path(tile))
			if err != nil {
				return err
			}
			expected, err := tlog.ReadTileData(tile, reader)
			if err != nil {
				return err
			}
			if !bytes.Equal(data, expected) {
				return fmt.Errorf("%s is not made of the entries", path(tile))
			}
		}
	}
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return fmt.Errorf("the entries have another root")
	}
	return nil
}

func checkConsistency(tree tlog.Tree, log note.Verifier) error {
	encoded, err := os.ReadFile(*old)
	if err != nil {
		return err
	}
	before, err := open(encoded, log, []note.Verifier{log})
	if err != nil {
		return err
	}
	lines, err := os.ReadFile(*consistency)
	if err != nil {
		return err
	}
	hashes, err := parse(strings.Fields(string(lines)))
	if err != nil {
		return err
	}
	return tlog.CheckTree(tlog.TreeProof(hashes), tree.N, tree.Hash, before.N, before.Hash)
}

func checkInclusion(log note.Verifier) error {
	encoded, err := os.ReadFile(*proof)
	if err != nil {
		return err
	}
	data, err := base64.StdEncoding.DecodeString(*entry)
	if err != nil {
		return err
	}
	parts := bytes.SplitN(encoded, []byte("\n\n"), 2)
	lines := strings.Split(string(parts[0]), "\n")
	if len(parts) != 2 || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return fmt.Errorf("no tlog-proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	hashes, err := parse(lines[2:])
	if err != nil {
		return err
	}
	tree, err := open(parts[1], log, []note.Verifier{log})
	if err != nil {
		return err
	}
	return tlog.CheckRecord(tlog.RecordProof(hashes), tree.N, tree.Hash, index, tlog.RecordHash(data))
}

func parse(lines []string) (hashes []tlog.Hash, err error) {
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

// path is where C2SP has a tile: without the height, and with another name for entries.
func path(tile tlog.Tile) string {
	return strings.Replace(strings.Replace(tile.Path(), "tile/8/", "tile/", 1), "tile/data/", "tile/entries/", 1)
}

func get(path string) ([]byte, error) {
	answer, err := http.Get(*url + "/" + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// cosigner verifies C2SP cosignature/v1, which the package does not know.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newCosigner(encoded string) (note.Verifier, error) {
	parts := strings.SplitN(encoded, "+", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("no verifier key")
	}
	material, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(material) != 33 || material[0] != 4 {
		return nil, fmt.Errorf("no key of a cosigner")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), material...))
	return cosigner{parts[0], binary.BigEndian.Uint32(sum[:]), material[1:]}, nil
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(signature), text)
	return ed25519.Verify(c.key, []byte(message), signature[8:])
}
