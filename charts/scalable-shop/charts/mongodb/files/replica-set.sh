# Only the first member sets up; each further one waits for a signal, so that all pods are alike.
set -eu
tls=""
if [ -n "$TLS_CA" ]; then
  tls="--tls --tlsCAFile $TLS_CA"
fi
if [ "${POD_NAME##*-}" = 0 ]; then
  until mongosh --quiet --norc $tls "mongodb://127.0.0.1:27017/admin?directConnection=true" /scripts/replica-set.js; do
    sleep 3
  done
fi
exec sleep infinity
