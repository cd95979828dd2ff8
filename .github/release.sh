#!/usr/bin/env bash
# Make the release on GitHub: the notes and files that `make release-files` wrote to dist.
set -euo pipefail
gh release create "$RELEASE" --verify-tag --title "$RELEASE" --notes-file dist/notes.md dist/SHA256SUMS dist/packages/*
