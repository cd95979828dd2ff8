# How both layers are built, for `sam build`: fills $(ARTIFACTS_DIR)/python, which becomes /opt/python.
#
# One layer serves both architectures: wheels for arm64 and x86_64 differ only in their extension
# modules, and the name of such a module carries its platform. boto3 is included: the runtime's own
# has another version than the one tested here and changes by itself. What ships is what the lock
# holds: these versions, and files with these hashes.
PYTHON ?= python3.13
LOCKS := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))../requirements/
SITE = $(ARTIFACTS_DIR)/python

PIP_INSTALL = $(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action ignore \
	--no-compile --implementation cp --python-version 3.13 --only-binary=:all: --no-deps --require-hashes

# Lambda ignores the byte code of another interpreter, and would compile everything at each cold start.
define require_python
@$(PYTHON) -c 'import sys; sys.exit((sys.implementation.name, *sys.version_info[:2]) != ("cpython", 3, 13))' \
	|| { echo "a layer is built with CPython 3.13: install it, or set PYTHON=/path/to/python3.13" >&2; exit 1; }
@mkdir -p $(SITE)
endef

define install_lock # $(1): the lock's name
@$(PYTHON) $(LOCKS)locked.py $(LOCKS)$(1).lock
$(PIP_INSTALL) --platform manylinux2014_aarch64 --target $(ARTIFACTS_DIR)/aarch64 --requirement $(LOCKS)$(1).lock
$(PIP_INSTALL) --platform manylinux2014_x86_64 --target $(ARTIFACTS_DIR)/x86_64 --requirement $(LOCKS)$(1).lock
cp -R $(ARTIFACTS_DIR)/aarch64/. $(ARTIFACTS_DIR)/x86_64/. $(SITE)
rm -rf $(ARTIFACTS_DIR)/aarch64 $(ARTIFACTS_DIR)/x86_64 $(SITE)/bin
endef

# unchecked-hash: no file is stat'ed to see whether its source is newer.
define compile
find $(SITE) -name __pycache__ -prune -exec rm -rf {} +
$(PYTHON) -m compileall -q -s $(SITE) -p /opt/python --invalidation-mode unchecked-hash $(SITE)
endef
