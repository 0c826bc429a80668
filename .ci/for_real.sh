# shellcheck shell=bash disable=SC1091
# Run by fresh_machine inside a bare Debian, as root: the documented way to production.

export DJANGO_SUPERUSER_PASSWORD='a long and silent password'
hub=/srv/holdfast/hub
unit=/etc/systemd/system/holdfast.service

as_holdfast() {
  runuser -u holdfast -- env HOME=/srv/holdfast \
    DJANGO_SUPERUSER_PASSWORD="$DJANGO_SUPERUSER_PASSWORD" "$@"
}

# Starts the server as the unit says, in the background.
start() {
  install -d -o holdfast -g www-data -m 750 /run/holdfast
  # shellcheck disable=SC2046
  (cd "$hub" && exec runuser -u "$(sed -n 's/^User=//p' "$unit")" \
    -g "$(sed -n 's/^Group=//p' "$unit")" -- \
    env -i PATH=/usr/bin:/bin $(sed -n 's/^ExecStart=//p' "$unit")) >>/tmp/log 2>&1 &
  server=$!
}

# Waits until the sign-in page is there, then signs in; all through nginx, with TLS.
sign_in() {
  SSL_CERT_FILE=/etc/ssl/holdfast/fullchain.pem python3 /sign_in.py "$hub" /tmp/seed
}

stop() {
  kill "$server"
  # runuser passes the signal on, and gunicorn waits for its workers.
  wait "$server" || true
  for _ in $(seq 40); do
    if ! curl --silent --output /dev/null --unix-socket /run/holdfast/http.sock \
      http://localhost/; then return; fi
    sleep 1
  done
  echo "The server did not stop." >&2
  return 1
}

# Fails unless the server refuses to start, in one line that holds the word.
refuses() {
  local output
  if output=$(cd "$hub" && as_holdfast timeout 60 .venv/bin/python manage.py serve 2>&1)
  then
    echo "The server started." >&2
    return 1
  fi
  printf '%s\n' "$output"
  [ "$(printf '%s\n' "$output" | wc -l)" -eq 1 ]
  grep -q "$1" <<<"$output"
}

. /prepare
apt-get install -y -qq curl openssl >/dev/null
set +x

echo '--- as holdfast'
as_holdfast bash -euo pipefail /as-holdfast
[ "$(stat -c '%a %U' "$hub/.env")" = "600 holdfast" ]

echo '--- as root: https in front'
mkdir -p /etc/ssl/holdfast
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=hub.example.com \
  -addext subjectAltName=DNS:hub.example.com -out /etc/ssl/holdfast/fullchain.pem \
  -keyout /etc/ssl/holdfast/privkey.pem 2>/dev/null
echo "127.0.0.1 hub.example.com" >>/etc/hosts
(cd "$hub" && . /deploy)
nginx -t
service nginx restart
start
sign_in
stop

echo '--- a new version: other packages, one more file, one more migration'
cd "$hub"
as_holdfast bash -eu <<'NEXT'
echo '# the next version' >>requirements/base.txt
echo 'p { color: inherit; }' >static/hub/css/next.css
python3 - <<'PYTHON'
import pathlib
folder = pathlib.Path("customers/migrations")
last = sorted(folder.glob("0*.py"))[-1].stem
number = int(last[:4]) + 1
(folder / f"{number:04}_next.py").write_text(f"""from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("customers", "{last}")]
    operations = [migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop)]
""")
PYTHON
NEXT
refuses 'manage.py setup'
as_holdfast bash -euo pipefail /upgrade
start
sign_in
stop
echo '--- nothing of it is left'
for process in /proc/[0-9]*; do
  [ "$(stat -c %U "$process" 2>/dev/null)" != holdfast ]
done
