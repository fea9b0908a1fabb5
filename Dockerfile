# The image of web, worker and beat: docker run IMAGE [web|worker|beat|manage ARGS...]. See compose.yaml.

FROM python:3.13-slim AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements.txt ./
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt
COPY manage.py ./
COPY config config
COPY accounts accounts
COPY catalog catalog
COPY locale locale
COPY templates templates
COPY static static
RUN /venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
    && /venv/bin/python -m compileall -q config accounts catalog

FROM python:3.13-slim
# A home of its own: Huawei's SDK writes a file there.
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin bootshelf
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=6s --start-period=30s CMD ["python", "-m", "config.container", "health"]
ENTRYPOINT ["python", "-m", "config.container"]
CMD ["web"]
