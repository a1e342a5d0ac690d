// SPDX-License-Identifier: Apache-2.0

// Stands in for hashicorp/aws where that cannot be had: the same schema (schema.json), no AWS. What OpenTofu validates,
// plans and applies with it is evaluated for real, references and all, and every policy comes out as it would on AWS.
package main

import (
	"log"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

func main() {
	known := readSchemas()
	err := tf6server.Serve("registry.opentofu.org/hashicorp/aws", func() tfprotov6.ProviderServer {
		return &server{schemas: known}
	})
	if err != nil {
		log.Fatal(err)
	}
}
