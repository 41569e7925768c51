// Package manifests pins the module whose definitions of HTTPRoute and Gateway the cluster installs; nothing is built.
package manifests

import _ "sigs.k8s.io/gateway-api/apis/v1"
