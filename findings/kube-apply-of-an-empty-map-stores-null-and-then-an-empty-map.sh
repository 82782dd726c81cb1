#!/bin/sh
# k8s.io/apimachinery v0.37.2 (package managedfields, which kube-apiserver 1.37.2 applies with), Go 1.26,
# Linux. Seen 2026-11-30.
#
# Server-side apply of a map that is empty now and had entries before stores null, not {}. The same
# apply once more stores {}. Dynamo's workers apply all that they have registered, with {} where they
# have nothing: so the object of a worker that has taken out its last endpoint (a drain, an orderly end)
# has "endpoints": null until its next change, although each of its applies says {}. A real
# kube-apiserver 1.37.2 does the same (an ai-dynamo-runtime 1.6.1 worker on it, not run here: building
# one takes 20 minutes); stand-ins that copy the map do not. Readers have to take null for an empty map.
#
# Seen, of {"endpoints": {"a": 1}}, then {"endpoints": {}} twice, by one manager:
#     {"endpoints":{"a":1}}
#     {"endpoints":null}
#     {"endpoints":{}}
#
# Ends with 0 while that is so, with 1 once it is not. Needs Go.
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
mkdir "$dir/see"
cd "$dir/see"
cat >see.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
)

// The resource has one version, so nothing is converted and nothing has defaults.
type plain struct{}

func (plain) Convert(in, out, context interface{}) error { return nil }
func (plain) ConvertToVersion(in runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	return in, nil
}
func (plain) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}
func (plain) Default(runtime.Object) {}
func (plain) New(kind schema.GroupVersionKind) (runtime.Object, error) {
	made := &unstructured.Unstructured{}
	made.SetGroupVersionKind(kind)
	return made, nil
}

func applied(endpoints map[string]interface{}) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]interface{}{
		"apiVersion": "example.com/v1", "kind": "Worker",
		"metadata": map[string]interface{}{"name": "w", "namespace": "n"},
		"spec":     map[string]interface{}{"endpoints": endpoints, "cards": map[string]interface{}{"c": int64(1)}},
	}}
}

func main() {
	kind := schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Worker"}
	manager, err := managedfields.NewDefaultCRDFieldManager(
		managedfields.NewDeducedTypeConverter(), plain{}, plain{}, plain{}, kind, kind.GroupVersion(), "", nil)
	if err != nil {
		panic(err)
	}
	var live runtime.Object
	live, _ = plain{}.New(kind)
	var seen []string
	for _, endpoints := range []map[string]interface{}{{"a": int64(1)}, {}, {}} {
		if live, err = manager.Apply(live, applied(endpoints), "dynamo-worker", true); err != nil {
			panic(err)
		}
		stored := live.(*unstructured.Unstructured).Object["spec"].(map[string]interface{})["endpoints"]
		text, _ := json.Marshal(map[string]interface{}{"endpoints": stored})
		seen = append(seen, string(text))
	}
	fmt.Println(strings.Join(seen, "\n"))
	if strings.Join(seen, " ") != `{"endpoints":{"a":1}} {"endpoints":null} {"endpoints":{}}` {
		os.Exit(1)
	}
}
GO
cat >go.mod <<'MOD'
module see

go 1.26.0

require k8s.io/apimachinery v0.37.2
MOD
export GOFLAGS=-mod=mod GOPATH="$dir/go" GOCACHE="$dir/cache"
go mod tidy 2>"$dir/go.log" || { cat "$dir/go.log"; exit 2; }
go run .
