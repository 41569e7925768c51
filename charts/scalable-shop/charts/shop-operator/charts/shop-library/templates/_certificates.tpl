{{/* Shell functions by which a server takes a new certificate: it ends in order, and the kubelet starts it with that one. Call
     with (list "folder of the Secret" seconds). The caller defines `turn`, which tells the node's place and how many there are, and
     `fits`, which says whether the running nodes and the new certificate take each other, and why not. It remembers
     `used="$(certificate)"` before it reads the certificate, runs `renew &`, and becomes the server. */}}
{{- define "shop-library.renewal" -}}
{{- $folder := index . 0 -}}
certificate() { cat {{ $folder }}/tls.crt {{ $folder }}/tls.key {{ $folder }}/ca.crt | cksum; }
# Each node has a time of its own, by the clock and its place among all, so that they go one by one and nobody has to ask.
renew() {
  while sleep 5; do
    if [ "$(certificate)" = "$used" ]; then continue; fi
    set -- $(turn) "$(date +%s)"
    if [ $(($3 / {{ index . 1 }} % $2)) -ne "$1" ] || [ $(($3 % {{ index . 1 }})) -ge {{ div (index . 1) 3 }} ]; then continue; fi
    if fits; then
      echo "There is another certificate, key or authority: ending, to start with it"
      kill -TERM $$
      return
    fi
    echo "The new certificate is not taken: it does not fit with the nodes that run"
    sleep {{ div (index . 1) 3 }}
  done
}
{{- end -}}
