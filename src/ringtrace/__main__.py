from ringtrace.cli import main

main()
