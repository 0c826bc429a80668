# shellcheck shell=bash disable=SC2034,SC2154
# What the scripts of this folder share; sourced, not run.

# Compiled once, not by each worker and each server anew.
unset PYTHONDONTWRITEBYTECODE
POSTGRES=/usr/lib/postgresql/15/bin
# Tests whose answers no database decides.
SAME_ON_BOTH=(tests/contract/test_access.py tests/contract/test_schema.py
  tests/contract/test_api_docs.py tests/contract/test_api_examples.py
  tests/contract/test_api_queries.py tests/contract/test_personal.py
  tests/contract/test_lookups.py tests/contract/test_oracles.py
  tests/contract/test_admin.py tests/contract/test_refused_forms.py
  tests/contract/test_two_roles.py tests/contract/test_documents.py
  tests/contract/test_unseen_signs.py tests/contract/test_look_alikes.py
  tests/contract/test_refusals.py tests/contract/test_short_writes.py
  tests/contract/test_write_statements.py tests/capture/api/test_bad_input.py
  tests/capture/admin/test_keys.py tests/config/backends/test_sqlite3.py
  tests/customers/admin/test_booking_lines.py tests/audit/admin/test_form_fields.py
  tests/audit/admin/test_search.py::test_statements_do_not_grow
  tests/audit/accounts/test_passkeys.py tests/config/test_keys.py
  tests/config/test_checks.py tests/customers/admin/test_exchange.py
  tests/customers/admin/test_uploads.py tests/customers/admin/test_reach.py
  tests/customers/admin/test_saved_views.py tests/customers/admin/test_addresses.py
  tests/audit/privacy tests/audit/test_canonical.py tests/audit/test_datetimes.py
  tests/audit/test_json_text.py tests/customers/values
  tests/audit/test_emails.py tests/audit/rest/test_parsers.py
  tests/audit/accounts/test_pins.py tests/customers/test_contact_rules.py
  tests/customers/test_sheets.py tests/customers/api/test_masked.py
  tests/capture/ingest/test_names_in_any_order.py
  tests/capture/ingest/test_payments.py::test_a_purchase_ends_the_same_in_every_order
  tests/capture/commands/test_import_legacy.py
  tests/capture/adapters tests/capture/api/test_hostile_bodies.py
  tests/capture/test_parsing.py tests/capture/test_parsing_items.py
  tests/capture/test_redaction.py tests/config/api/test_docs.py
  tests/config/api/test_raw_requests.py
  tests/config/test_bootstrap.py tests/config/test_logs.py tests/config/test_edge.py
  tests/config/test_redirects.py tests/config/commands/test_seed.py
  tests/config/seeding tests/config/test_env.py tests/config/test_language.py
  tests/contract/test_translated_pages.py
  tests/audit/admin/test_display.py tests/audit/admin/test_frame.py
  tests/audit/admin/test_keyboard.py tests/audit/admin/test_navigation.py
  tests/audit/test_templatetags.py tests/audit/admin/account
  tests/audit/admin/test_step_up.py tests/customers/admin/acts
  tests/customers/admin/test_bulk_values.py
  tests/customers/admin/test_business_switch.py
  tests/customers/admin/test_confirmed_acts.py
  tests/customers/admin/test_customer_acts.py
  tests/customers/admin/test_customer_form.py
  tests/customers/admin/test_customer_page.py::test_a_role_opens_its_tabs_and_no_others
  tests/customers/admin/test_customer_page.py::test_contact_data_is_masked_on_the_server
  tests/house)
CI_USER=holdfast-ci

step() { printf '\n=== %s (after %d s)\n' "$1" "$SECONDS"; }

is_root() { [ "$(id -u)" -eq 0 ]; }

# Debian packages; root only.
install() {
  if ! is_root; then
    echo "Missing: $*. Install it, or run this as root." >&2
    exit 1
  fi
  [ -n "${apt_updated:-}" ] || apt-get update -qq
  apt_updated=yes
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "$@" >/dev/null
}

# Runs a command as a user without rights: as README's readers do, and because neither
# PostgreSQL nor the tests of file rights work as root.
unprivileged() {
  if is_root; then
    runuser -u "$CI_USER" -- env HOME="$scratch/home" PATH=/usr/local/bin:/usr/bin:/bin "$@"
  else
    "$@"
  fi
}

# A Python below the floor, for the tests of the first start: version managers keep theirs
# where the user without rights cannot look.
lend_old_python() {
  local folder
  for folder in "$HOME"/.pyenv/versions/3.9.*; do
    [ -x "$folder/bin/python" ] || continue
    mkdir -p "$scratch/home/.pyenv/versions"
    cp -a "$folder" "$scratch/home/.pyenv/versions/"
    return
  done
}

# Clones what is committed, whoever owns this checkout.
clone_to() {
  if [ -n "$(git -c safe.directory='*' status --porcelain)" ]; then
    echo "Commit first: a clone is tested, and holds only what is committed." >&2
    exit 1
  fi
  # Given on the command line it would not reach the other side of the clone.
  printf '[safe]\n\tdirectory = *\n' >"$scratch/gitconfig"
  GIT_CONFIG_GLOBAL=$scratch/gitconfig git clone -q --no-hardlinks . "$1"
}

# A clone that belongs to that user, in $scratch/checkout.
make_checkout() {
  if is_root && ! id "$CI_USER" >/dev/null 2>&1; then
    useradd --system --shell /bin/bash "$CI_USER"
  fi
  mkdir -p "$scratch/home"
  lend_old_python
  clone_to "$scratch/checkout"
  if is_root; then chown -R "$CI_USER:" "$scratch"; fi
}

# Installs every package into .venv; one that uv has made has no pip.
install_e2e() {
  local options=(--quiet --no-deps --require-hashes -r requirements/e2e.txt)
  if [ -x .venv/bin/pip ]; then
    unprivileged .venv/bin/python -m pip install --disable-pip-version-check \
      --no-input "${options[@]}"
  else
    unprivileged .venv/bin/uv pip install --python .venv/bin/python "${options[@]}"
  fi
}

# A PostgreSQL server of our own in $scratch/postgres; sets postgres_url. Its role is no
# superuser, as in production: only then do the rights of rows hold for it. It makes the
# roles that hardened databases are served with.
start_postgres() {
  local port password
  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  port=$(python3 -c "import socket
with socket.create_server(('127.0.0.1', 0)) as s: print(s.getsockname()[1])")
  (umask 077 && printf '%s' "$password" >"$scratch/password")
  if is_root; then chown "$CI_USER:" "$scratch/password"; fi
  unprivileged "$POSTGRES/initdb" -D "$scratch/postgres" -U owner -A scram-sha-256 \
    --pwfile="$scratch/password" -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
  # Without durability: what it holds is gone with the run. Its tables are small, too: to
  # compile a query, or to look after its rows, costs more than it saves.
  unprivileged "$POSTGRES/pg_ctl" -D "$scratch/postgres" -l "$scratch/postgres/log" \
    -w start -o "-p $port -h 127.0.0.1 -k $scratch/postgres -F -c full_page_writes=off \
    -c synchronous_commit=off -c max_connections=200 -c jit=off -c autovacuum=off" >/dev/null
  PGPASSWORD=$password "$POSTGRES/psql" -q -h 127.0.0.1 -p "$port" -U owner -d postgres \
    -c "CREATE ROLE holdfast LOGIN NOSUPERUSER CREATEDB CREATEROLE PASSWORD '$password'" \
    -c "CREATE DATABASE holdfast OWNER holdfast"
  postgres_url="postgresql://holdfast:$password@127.0.0.1:$port/holdfast"
}

stop_postgres() {
  if [ -f "$scratch/postgres/postmaster.pid" ]; then
    unprivileged "$POSTGRES/pg_ctl" -D "$scratch/postgres" -m immediate stop \
      >/dev/null || true
  fi
}
