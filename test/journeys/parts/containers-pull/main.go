// Pulls an image into a folder with the library that CRI-O, podman, buildah and skopeo pull with, at a
// release newer than Debian's: containers-pull IMAGE FOLDER.
package main

import (
	"context"
	"fmt"
	"os"

	"go.podman.io/image/v5/copy"
	"go.podman.io/image/v5/directory"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/signature"
	"go.podman.io/image/v5/types"
)

func pull(image, folder string) error {
	source, err := docker.ParseReference("//" + image)
	if err != nil {
		return err
	}
	target, err := directory.NewReference(folder)
	if err != nil {
		return err
	}
	accept := signature.NewPRInsecureAcceptAnything()
	policy, err := signature.NewPolicyContext(&signature.Policy{Default: []signature.PolicyRequirement{accept}})
	if err != nil {
		return err
	}
	_, err = copy.Image(context.Background(), policy, target, source, &copy.Options{
		ReportWriter: os.Stdout,
		SourceCtx:    &types.SystemContext{},
	})
	return err
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: containers-pull IMAGE FOLDER")
		os.Exit(2)
	}
	if err := os.MkdirAll(os.Args[2], 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := pull(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
