# Two images, both on any Debian-like base with Python 3.11 or newer:
#
#   docker build --target proxy -t tidegate .            runs `tidegate up`
#   docker build --target runtime -t tidegate-runtime .  what an image of your own copies: COPY --from=tidegate-runtime
#
# BASE may be an image of your own: --build-arg BASE=registry.example.com/python:3.12-slim
ARG BASE=python:3.12-slim

FROM ${BASE} AS packages
WORKDIR /source
COPY pyproject.toml requirements-dev.txt README.md ./
# The versions that are tested together; what Tidegate needs comes before its source, which changes more often.
RUN grep -oE '^[A-Za-z0-9._-]+==[^ ;]+' requirements-dev.txt >constraints.txt \
    && python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
       >requirements.txt \
    && python3 -m venv /opt/tidegate \
    && /opt/tidegate/bin/pip install --no-cache-dir --disable-pip-version-check \
       --constraint constraints.txt --requirement requirements.txt
COPY proxy proxy
COPY runtime runtime
# Compiled here: whoever runs it may not write there, and every start would pay for it. An image needs no installer.
RUN /opt/tidegate/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps . \
    && /opt/tidegate/bin/pip uninstall --quiet --yes pip setuptools

# All of it is /opt/tidegate, an environment of its own: it runs where the Python of BASE is at the same place.
FROM ${BASE} AS runtime
COPY --from=packages /opt/tidegate /opt/tidegate
ENV PATH=/opt/tidegate/bin:$PATH
ENTRYPOINT ["/opt/tidegate/bin/python", "-P", "-m", "runtime"]

FROM ${BASE} AS proxy
RUN groupadd --gid 10001 tidegate \
    && useradd --uid 10001 --gid 10001 --create-home tidegate \
    && mkdir /apps
COPY --from=packages /opt/tidegate /opt/tidegate
ENV PATH=/opt/tidegate/bin:$PATH PYTHONUNBUFFERED=1
# Not root: the group of the engine's socket is added when it runs (docs/images.md).
USER tidegate
WORKDIR /apps
EXPOSE 8000 8001
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s \
    CMD ["python3", "-I", "-c", "import http.client as http; admin = http.HTTPConnection('127.0.0.1', 8001, timeout=2); admin.request('GET', '/healthz'); raise SystemExit(admin.getresponse().status != 200)"]
ENTRYPOINT ["tidegate"]
CMD ["up", "--backend", "docker", "--host", "0.0.0.0", "--admin-host", "0.0.0.0"]
