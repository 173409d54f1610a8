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
    && python3 -m venv /installer \
    && /installer/bin/pip install --no-cache-dir --disable-pip-version-check --no-compile \
       --target /opt/tidegate/site-packages --constraint constraints.txt --requirement requirements.txt
COPY proxy proxy
COPY runtime runtime
RUN /installer/bin/pip install --no-cache-dir --disable-pip-version-check --no-compile --no-deps \
       --target /opt/tidegate/own . \
    && cp -R /opt/tidegate/own/. /opt/tidegate/site-packages \
    && rm -rf /opt/tidegate/own /opt/tidegate/site-packages/bin \
    && mkdir /opt/tidegate/bin \
    && printf '%s\n' '#!/usr/bin/env python3' 'import sys' '' \
       'sys.path.append("/opt/tidegate/site-packages")' '' 'from proxy.cli import main' '' 'main()' \
       >/opt/tidegate/bin/tidegate \
    && chmod 755 /opt/tidegate/bin/tidegate \
    # Compiled now: whoever runs it may not write here, and every start would pay for it.
    && python3 -m compileall -q /opt/tidegate/site-packages

# Everything is in /opt/tidegate, and runs on the Python of the image that it is copied to: of the same minor version.
FROM ${BASE} AS runtime
COPY --from=packages /opt/tidegate /opt/tidegate
ENV PATH=/opt/tidegate/bin:$PATH PYTHONPATH=/opt/tidegate/site-packages
ENTRYPOINT ["tidegate", "runtime"]

FROM ${BASE} AS proxy
RUN groupadd --gid 10001 tidegate \
    && useradd --uid 10001 --gid 10001 --create-home tidegate \
    && mkdir /apps
COPY --from=packages /opt/tidegate /opt/tidegate
ENV PATH=/opt/tidegate/bin:$PATH PYTHONPATH=/opt/tidegate/site-packages PYTHONUNBUFFERED=1
# Not root: the group of the engine's socket is added when it runs (docs/images.md).
USER tidegate
WORKDIR /apps
EXPOSE 8000 8001
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s \
    CMD ["python3", "-I", "-c", "import http.client as http; admin = http.HTTPConnection('127.0.0.1', 8001, timeout=2); admin.request('GET', '/healthz'); raise SystemExit(admin.getresponse().status != 200)"]
ENTRYPOINT ["tidegate"]
CMD ["up", "--backend", "docker", "--host", "0.0.0.0", "--admin-host", "0.0.0.0"]
