module sluice.dev/sluice/test/bench/dataPath/load

go 1.26.0
