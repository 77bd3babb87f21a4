// Pulls an image with oras-go, as oras and helm do: oras-pull [-plain-http] REFERENCE FOLDER.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/registry/remote"
)

func pull(reference, folder string, isPlain bool) error {
	repository, err := remote.NewRepository(reference)
	if err != nil {
		return err
	}
	repository.PlainHTTP = isPlain
	layout, err := oci.New(folder)
	if err != nil {
		return err
	}
	tag := repository.Reference.Reference
	descriptor, err := oras.Copy(context.Background(), repository, tag, layout, tag, oras.DefaultCopyOptions)
	if err != nil {
		return err
	}
	fmt.Println(descriptor.Digest)
	return nil
}

func main() {
	isPlain := flag.Bool("plain-http", false, "speak HTTP without TLS")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: oras-pull [-plain-http] REFERENCE FOLDER")
		os.Exit(2)
	}
	if err := pull(flag.Arg(0), flag.Arg(1), *isPlain); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
