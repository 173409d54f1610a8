"""python -m proxy is tidegate."""

from proxy.cli import main

main()
