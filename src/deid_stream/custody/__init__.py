"""Where keys come from: files, the environment, HashiCorp Vault, a cloud KMS; and customers' own keys in
`deid.keys`."""
