# One image for MLflow's server, Ray's head, Ray's workers and the launcher: what trains is what launched.
#
# The base is pinned by tag. A digest is stronger, and it is yours to look up where you can pull:
#   docker build --build-arg BASE=python:3.11.14-slim-bookworm@sha256:...  .
ARG BASE=python:3.11.14-slim-bookworm
FROM ${BASE}

# compile: true needs a C++ compiler; Python's headers are in the base image. KubeRay's health checks call wget.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends g++ wget \
 && rm -rf /var/lib/apt/lists/*

# Files that named volumes are laid over belong to the user who writes there.
RUN useradd --uid 1000 --create-home tintune \
 && mkdir -p /app /studies /cache /mlflow \
 && chown tintune:tintune /studies /cache /mlflow

# What we depend on comes first, with a package that holds nothing: a change of our own sources then downloads and
# unpacks none of PyTorch's 7 GB again.
WORKDIR /app
COPY pyproject.toml constraints.txt ./
RUN touch LICENSE README.md \
 && pip install --no-cache-dir --constraint constraints.txt '.[cluster]' \
 && pip uninstall --yes tintune \
 && rm -rf LICENSE README.md build *.egg-info
COPY LICENSE README.md ./
COPY trainables trainables
COPY study study
COPY analysis analysis
RUN pip install --no-cache-dir --no-deps . \
 && rm -rf build *.egg-info
COPY deploy deploy

# HOME: the root file system is read-only under docker compose, /tmp is not.
ENV HOME=/tmp \
    TINTUNE_CACHE=/cache \
    GIT_PYTHON_REFRESH=quiet \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER tintune
CMD ["tintune", "--help"]
