// An independent verifier of the audit log, by the packages of Go's checksum database: checks the signed checkpoint, every tile and
// entry, and the log's own proofs. Shares no code with the service.
//
// verifier URL KEY TOKEN EVENT [CHECKPOINT-FILE]
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

var address, key, token string

func main() {
	if err := verify(); err != nil {
		fmt.Println("BROKEN:", err)
		os.Exit(1)
	}
}

func verify() error {
	address, key, token = os.Args[1], os.Args[2], os.Args[3]
	checkpoint, err := get("/checkpoint")
	if err != nil {
		return err
	}
	tree, err := open(checkpoint)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, tiles{})
	if err := checkEntries(tree, hashes); err != nil {
		return err
	}
	if err := checkEvent(os.Args[4]); err != nil {
		return err
	}
	if len(os.Args) > 5 {
		kept, err := os.ReadFile(os.Args[5])
		if err != nil {
			return err
		}
		before, err := open(kept)
		if err != nil {
			return err
		}
		if err := checkBeginning(before, tree, hashes); err != nil {
			return err
		}
		fmt.Println("begins with", before.N, "entries")
	}
	fmt.Println("holds", tree.N, "entries")
	return nil
}

func open(checkpoint []byte) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(checkpoint, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	var origin, root string
	var size int64
	if _, err := fmt.Sscanf(opened.Text, "%s\n%d\n%s\n", &origin, &size, &root); err != nil {
		return tlog.Tree{}, err
	}
	if origin != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("the checkpoint is of %s", origin)
	}
	hash, err := tlog.ParseHash(root)
	return tlog.Tree{N: size, Hash: hash}, err
}

// checkEntries compares each entry with its leaf, which the reader has compared with the root.
func checkEntries(tree tlog.Tree, hashes tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += 1 << height {
		width := tree.N - first
		if width > 1<<height {
			width = 1 << height
		}
		bundle, err := get(pathOf("entries", first>>height, int(width)))
		if err != nil {
			return err
		}
		for index := first; index < first+width; index++ {
			if len(bundle) < 2 {
				return fmt.Errorf("entry %d is not in its bundle", index)
			}
			length := int(binary.BigEndian.Uint16(bundle))
			entry := bundle[2 : 2+length]
			bundle = bundle[2+length:]
			leaves, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
			if err != nil {
				return err
			}
			if leaves[0] != tlog.RecordHash(entry) {
				return fmt.Errorf("entry %d is not the one in the tree", index)
			}
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			if err != nil {
				return err
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaves[0]); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkEvent checks the proof that the log itself gives for an event.
func checkEvent(id string) error {
	body, err := get("/audit/proof/" + url.PathEscape(id))
	if err != nil {
		return err
	}
	var answer struct {
		Checkpoint string
		Proofs     []struct {
			Index  int64
			Entry  string
			Hashes []string
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	tree, err := open([]byte(answer.Checkpoint))
	if err != nil {
		return err
	}
	if len(answer.Proofs) == 0 {
		return fmt.Errorf("no proof of %s", id)
	}
	for _, proof := range answer.Proofs {
		hashes, err := parse(proof.Hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(hashes, tree.N, tree.Hash, proof.Index, tlog.RecordHash([]byte(proof.Entry))); err != nil {
			return err
		}
	}
	return nil
}

// checkBeginning checks by the tiles, and by the log's own proof, that a tree that was kept is how this one begins.
func checkBeginning(before, tree tlog.Tree, hashes tlog.HashReader) error {
	if before.N == 0 {
		return nil
	}
	proof, err := tlog.ProveTree(tree.N, before.N, hashes)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, before.N, before.Hash); err != nil {
		return err
	}
	body, err := get(fmt.Sprintf("/audit/proof?from=%d&to=%d", before.N, tree.N))
	if err != nil {
		return err
	}
	var answer struct{ Hashes []string }
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	own, err := parse(answer.Hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(own, tree.N, tree.Hash, before.N, before.Hash)
}

func parse(texts []string) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(texts))
	for place, text := range texts {
		bytes, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(bytes) != len(hashes[place]) {
			return nil, fmt.Errorf("%s is no hash", text)
		}
		copy(hashes[place][:], bytes)
	}
	return hashes, nil
}

type tiles struct{}

func (tiles) Height() int { return height }

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(wanted))
	for place, tile := range wanted {
		bytes, err := get(pathOf(fmt.Sprint(tile.L), tile.N, tile.W))
		if err != nil {
			return nil, err
		}
		read[place] = bytes
	}
	return read, nil
}

// pathOf is C2SP's: Go's own has the height in it too.
func pathOf(level string, number int64, width int) string {
	path := tlog.Tile{H: height, L: 0, N: number, W: width}.Path()
	return "/tile/" + level + strings.TrimPrefix(path, fmt.Sprintf("tile/%d/0", height))
}

func get(path string) ([]byte, error) {
	request, err := http.NewRequest("GET", address+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != 200 {
		err = fmt.Errorf("%s answered %d: %s", path, answer.StatusCode, body)
	}
	return body, err
}
