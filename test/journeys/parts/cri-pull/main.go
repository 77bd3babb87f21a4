// Asks a container runtime to pull an image, or to forget one, by the words that the kubelet has for
// it: cri-pull [-remove] SOCKET IMAGE.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func ask(socket, image string, isRemoval bool) error {
	credentials := grpc.WithTransportCredentials(insecure.NewCredentials())
	connection, err := grpc.NewClient("unix://"+socket, credentials)
	if err != nil {
		return err
	}
	defer connection.Close()
	images := runtime.NewImageServiceClient(connection)
	spec := &runtime.ImageSpec{Image: image}
	if isRemoval {
		_, err = images.RemoveImage(context.Background(), &runtime.RemoveImageRequest{Image: spec})
		return err
	}
	pulled, err := images.PullImage(context.Background(), &runtime.PullImageRequest{Image: spec})
	if err != nil {
		return err
	}
	fmt.Println(pulled.ImageRef)
	return nil
}

func main() {
	isRemoval := flag.Bool("remove", false, "forget the image")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: cri-pull [-remove] SOCKET IMAGE")
		os.Exit(2)
	}
	if err := ask(flag.Arg(0), flag.Arg(1), *isRemoval); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
