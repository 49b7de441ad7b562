# Sourced by the launchers. Finds the distribution and a JDK, then becomes the JVM.
#
#   keelmq_find SCRIPT         sets KEELMQ_DIST (the folder with lib/ and conf/) and JAVA
#   keelmq_exec JVMFILE MAIN [ARGUMENT ...]
#
# JAVA_HOME chooses the JDK, else the java on the PATH. KEELMQ_JAVA_OPTS adds JVM options after those
# of conf/*.jvm, so that it wins.

keelmq_fail() {
  printf 'keelmq: %s\n' "$1" >&2
  exit "${2:-1}"
}

# The folder that holds a script, whatever links lead to it.
keelmq_dir_of() {
  local path=$1 link
  while [[ -L $path ]]; do
    link=$(readlink "$path")
    [[ $link == /* ]] && path=$link || path=$(dirname "$path")/$link
  done
  (CDPATH= cd -P "$(dirname "$path")" && pwd)
}

# Sets JAVA and JAVA_MAJOR. The release file beside the JDK tells its version without starting it.
keelmq_find_java() {
  local home line version=
  if [[ -n ${JAVA_HOME:-} ]]; then
    JAVA=$JAVA_HOME/bin/java
    [[ -x $JAVA ]] || keelmq_fail "JAVA_HOME is $JAVA_HOME, which has no bin/java: point it to a JDK of at least 17"
  else
    JAVA=$(command -v java) || keelmq_fail 'no java found: install a JDK of at least 17, or set JAVA_HOME'
  fi
  home=$(dirname "$(keelmq_dir_of "$JAVA")")
  if [[ -r $home/release ]]; then
    while IFS= read -r line; do
      if [[ $line == JAVA_VERSION=* ]]; then
        version=${line#JAVA_VERSION=}
        version=${version//\"/}
      fi
    done <"$home/release"
  fi
  if [[ -z $version ]]; then
    version=$("$JAVA" -version 2>&1 | sed -n 's/.* version "\([^"]*\)".*/\1/p' | head -n 1)
  fi
  JAVA_MAJOR=${version%%[.+-]*}
  [[ $JAVA_MAJOR =~ ^[0-9]+$ ]] || JAVA_MAJOR=0
  if ((JAVA_MAJOR < 17)); then
    keelmq_fail "$JAVA is Java ${version:-of an unknown version}: set JAVA_HOME to a JDK of at least 17"
  fi
}

keelmq_find() {
  local bin root
  bin=$(keelmq_dir_of "$1")
  root=$(dirname "$bin")
  if [[ -d $root/lib && -d $root/conf ]]; then
    KEELMQ_DIST=$root
  else
    KEELMQ_DIST=$root/chaos-tests/target/keelmq
  fi
  compgen -G "$KEELMQ_DIST/lib/keelmq-client-*.jar" >/dev/null \
    || keelmq_fail "not built yet: run \`mvn -DskipTests package\` in $root"
  keelmq_find_java
}

keelmq_exec() {
  local jvm=$1 main=$2
  shift 2
  local flags=("@$KEELMQ_DIST/conf/$jvm")
  if ((JAVA_MAJOR >= 24)); then
    # RocksDB and netty load native code and use Unsafe; from 24 on the JVM warns unless it is told.
    flags+=(--enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow)
  fi
  # Split on purpose: it holds several options.
  # shellcheck disable=SC2206
  [[ -n ${KEELMQ_JAVA_OPTS:-} ]] && flags+=($KEELMQ_JAVA_OPTS)
  exec "$JAVA" "${flags[@]}" -cp "$KEELMQ_DIST/lib/*" "$main" "$@"
}
