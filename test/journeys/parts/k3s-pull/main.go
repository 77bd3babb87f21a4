// Pulls an image as registries.yaml says, read by the library that k3s and RKE2 read it with:
// k3s-pull REGISTRIES.YAML IMAGE FILE.
package main

import (
	"fmt"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/rancher/wharfie/pkg/registries"
)

func pull(settings, image, file string) error {
	if _, err := os.Stat(settings); err != nil {
		return err
	}
	registry, err := registries.GetPrivateRegistries(settings)
	if err != nil {
		return err
	}
	reference, err := name.ParseReference(image)
	if err != nil {
		return err
	}
	pulled, err := registry.Image(reference)
	if err != nil {
		return err
	}
	return tarball.WriteToFile(file, reference, pulled)
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: k3s-pull REGISTRIES.YAML IMAGE FILE")
		os.Exit(2)
	}
	if err := pull(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
